"""What a run draws, and choices of it that don't go together, each one line."""

import numpy as np
import pytest
from shared.smoke_trainers import batches, make_plan
from shared.tiny_data import write_npz

from tfadv.errors import UserError

# Of the smoke scale.
CLASSES, SIDE, BATCH = 4, 8, 16
SHARE = "Training.extra_share = 0.7"


def npz_of(path):
    return (
        "Experiment.extra = 'extra/npz'",
        f"extra/npz.train = '{path}'",
        f"extra/npz.test = '{path}'",
    )


@pytest.fixture
def extra(tmp_path):
    """Returns bindings of a second data set: 20 generated images, softly labelled."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (20, SIDE, SIDE, 3), np.uint8)
    shares = random.dirichlet(np.ones(CLASSES), 20)
    return npz_of(write_npz(tmp_path / "extra.npz", pixels, shares))


def test_a_run_draws_what_its_configuration_says(extra):
    plan = make_plan(
        "clean",
        *extra,
        SHARE,
        "synthetic.train_examples = 23",
        "Training.class_weights = 'balanced'",
        "Mixing.mixup_alpha = 0.2",
    )
    assert plan.training.extra_images == 11 and plan.steps_per_epoch == 23 // 5
    assert plan.extra.class_names == plan.splits.train.class_names
    first, second = batches(plan, 2)
    assert first["target"].shape == (BATCH, CLASSES) and first["weight"].shape == (BATCH,)
    for step, batch in enumerate((first, second)):
        titles = plan.feed.titles_of_step(step)
        own = plan.feed.drawing.of_step(step, BATCH)
        assert (
            sum("of npz.train of extra/npz" in title.split(" mixed with ")[0] for title in titles)
            == 11
        )
        assert [int(n) >= 23 for n in own] == ["of npz" in t.split(" mixed")[0] for t in titles]
        assert np.all(batch["index"] == step * BATCH + np.arange(BATCH))
    shares = 5 / 16 * plan.splits.train.class_shares + 11 / 16 * plan.extra.class_shares
    np.testing.assert_allclose(plan.feed.drawing.class_weights * shares, 0.25, rtol=1e-5)
    said = plan.feed.lines
    assert [line.split(" ")[:4] for line in said] == [
        ["11", "of", "16", "images"],
        ["classes", "count", "from", f"{min(plan.feed.drawing.class_weights):.3g}"],
        ["images", "are", "mixed", "in"],
    ]
    assert sorted(plan.sources) == ["extra", "test", "train"]


def test_a_recipe_draws_passes_and_nothing_else():
    plan = make_plan("clean")
    assert set(batches(plan, 1)[0]) == {"image", "label", "index"}
    assert plan.feed.source is plan.splits.train and sorted(plan.sources) == ["test", "train"]
    assert plan.feed.lines == ()


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("{'pattern 1': 3}", [1, 3, 1, 1]),
        ("{1: 3, 'pattern 3': 0.5}", [1, 3, 1, 0.5]),
        ("(4, 3, 2, 1)", [4, 3, 2, 1]),
    ],
)
def test_classes_are_named_or_numbered(weights, expected):
    plan = make_plan("clean", f"Training.class_weights = {weights}")  # as many of each class
    np.testing.assert_allclose(
        plan.feed.drawing.class_weights, expected / np.mean(expected), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ((SHARE,), "Training.extra_share = 0.7 needs Experiment.extra"),
        (("Training.extra_share = 0.0",), "Training.extra_share must be between 0 and 1, got 0.0"),
        (("Training.extra_share = 0.01",), "leave both sources an image of Training.batch_size"),
        (("Training.sampling = 'balance'",), "Did you mean 'balanced'"),
        (("Training.class_weights = 'equal'",), "class_weights is 'equal', which is none of"),
        (("Training.class_weights = (1, 2)",), "must be 4 numbers, one for each class"),
        (("Training.class_weights = {'pattern': 2}",), "no class 'pattern'.*Did you mean 'patt"),
        (("Training.class_weights = {7: 2}",), "no class 7"),
        (("Training.class_weights = {1: 0}",), "must be > 0 for class 1, got 0"),
        (
            ("Training.class_weights = 'balanced'", "Training.sampling = 'balanced'"),
            "are both 'balanced'",
        ),
        (
            ("synthetic.train_examples = 3", "Training.batch_size = 2")
            + ("Training.sampling = 'balanced'",),
            "has no image of class 'pattern 3'",
        ),
        (("Experiment.extra = 'npzz'",), "no dataset is called 'npzz'"),
    ],
)
def test_choices_that_do_not_go_together_are_one_line(bindings, message):
    with pytest.raises(UserError, match=message) as error:
        make_plan("clean", *bindings)
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("side", "labels", "names", "message"),
    [
        (SIDE, np.arange(20) % 4, {}, "needs Training.extra_share"),
        (9, np.arange(20) % 4, {}, r"npz.train of extra/npz is \(9, 9, 3\).* must be of the same"),
        (SIDE, np.arange(20) % 5, {}, "has 4 classes, npz.train of extra/npz 5"),
        (SIDE, np.eye(3)[np.arange(20) % 3], {}, "has 4 classes, npz.train of extra/npz 3"),
        (SIDE, np.arange(20) % 4, {"label_names": list("abcd")}, "class 0 is 'pattern 0'.*'a'"),
    ],
)
def test_other_images_must_be_like_the_first(tmp_path, side, labels, names, message):
    pixels = np.random.default_rng(0).integers(0, 256, (20, side, side, 3), np.uint8)
    path = write_npz(tmp_path / "extra.npz", pixels, labels, **names)
    bindings = () if "needs" in message else (SHARE,)
    with pytest.raises(UserError, match=message):
        make_plan("clean", *npz_of(path), *bindings)
