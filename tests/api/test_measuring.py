"""`tfadv.evaluate` and its result: the same numbers for the same model, however it is given."""

import numpy as np
import pytest
import tensorflow as tf

import tfadv
from tfadv.evaluation.predictions import read_predictions
from tfadv.norms import NormMode
from tfadv.randomness import example_seeds

ATTACKS = ["untargeted_pgd20"]


@pytest.fixture(scope="module")
def test_images(data):
    return data[1]


@pytest.fixture(scope="module")
def result(run):
    return tfadv.evaluate(run, attacks=ATTACKS, quiet=True)


def test_accuracies_are_those_of_the_predictions(run, test_images, result):
    images, labels = test_images
    for branch in ("clean", "adv"):
        expected = run.model(images, branch).numpy().argmax(-1)
        np.testing.assert_array_equal(result.predictions("clean", branch), expected)
        assert result.accuracy("clean", branch) == np.mean(expected == labels)
        attacked = result.predictions("untargeted_pgd20", branch)
        assert result.accuracy("untargeted_pgd20", branch) == np.mean(attacked == labels)
    np.testing.assert_array_equal(result.labels, labels)


def test_it_attacks_as_said(run, test_images, result):
    images, labels = (tf.constant(part) for part in test_images)
    attack = tfadv.PGD(16, steps=20, step_size=1.0, targeted=False)
    seeds = example_seeds(0, "attack 0", tf.range(len(labels), dtype=tf.int64))
    model = run.model.network
    attacked = attack(model.logits_fn(NormMode("adv")), images, tf.cast(labels, tf.int32), seeds)
    assert tf.reduce_max(tf.abs(attacked - images)) <= 16 + 1e-4
    (row,) = [row for row in result.record["attacks"] if row["branch"] == "adv"]
    assert (row["epsilon"], row["steps"], row["targeted"]) == (16.0, 20, False)


@pytest.mark.parametrize("form", ["keras", "function", "model", "file", "bundle"])
def test_every_form_of_a_model_gets_the_same(form, run, test_images, result, tmp_path):
    made = run.model.as_keras("adv")
    given, arguments = {
        "keras": (made, {}),
        "function": (lambda images: made(images * 255.0), {"pixel_range": (0, 1)}),
        "model": (run.model, {}),
        "file": (tmp_path / "adv.keras", {"pixel_range": (0, 255)}),
        "bundle": (tmp_path / "bundle", {}),
    }[form]
    if form == "file":
        made.save(given)
    if form == "bundle":
        tfadv.export(run, given)
    found = tfadv.evaluate(given, test_images, attacks=ATTACKS, epsilon=16, quiet=True, **arguments)
    branch = "adv" if "adv" in found.branches else "main"
    for attack in ("clean", *ATTACKS):
        assert found.accuracy(attack, branch) == result.accuracy(attack, "adv")


def test_attacks_are_names_parts_or_built(run):
    attacks = ["pgd3", tfadv.part("fgsm", epsilon=4), tfadv.PGD(2, steps=5, targeted=False)]
    found = tfadv.evaluate(run, attacks=attacks, branches="adv", examples=6, quiet=True)
    assert found.attacks == ("pgd3/pgd", "attack2/fgsm", "attack3/pgd")
    rows = [(row["epsilon"], row.get("steps")) for row in found.record["attacks"]]
    assert rows == [(16.0, 3), (4.0, 1), (2.0, 5)]
    named = ["PGD-3 targeted ε=16", "FGSM untargeted ε=4", "PGD-5 untargeted ε=2"]
    assert [row["attack"] for row in found.rows()] == ["clean", *named]
    assert found.branches == ("adv",)
    assert len(found.indices) == 6


def test_other_images_of_a_run(run, examples):
    images, labels = examples
    found = tfadv.evaluate(run, (images[:9], labels[:9]), attacks=[], quiet=True)
    expected = run.model(images[:9], "clean").numpy().argmax(-1)
    assert found.accuracy() == np.mean(expected == labels[:9])
    assert found.record["examples"] == 9


def test_auto_takes_the_faster_dtype_and_says_so(machine, run, capsys):
    settings = {"Evaluation.dtype": "auto"}
    found = tfadv.evaluate(run, attacks=["untargeted_pgd1"], settings=settings).record
    assert (
        {row["dtype"] for row in found["attacks"]} == {found["precision"]["dtype"]} == {"bfloat16"}
    )
    assert "note: Evaluation.dtype = 'auto' is bfloat16: a gradient of" in capsys.readouterr().out
    assert machine.asked == ["a gradient"]


def test_rows_table_record_and_report(result, tmp_path):
    rows = result.rows()
    assert [(row["attack"], row["branch"]) for row in rows[:2]] == [
        ("clean", "clean"),
        ("clean", "adv"),
    ]
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)
    assert "PGD-20 untargeted" in str(result)
    result.save(tmp_path / "record.json")
    kept = read_predictions(tmp_path / "record.json")
    np.testing.assert_array_equal(kept.attacks[0], result.predictions(*ATTACKS, "clean"))
    with pytest.raises(tfadv.UserError, match="there is a .* already"):
        result.save(tmp_path / "record.json")
    made, text = result.record["provenance"], result.report(tmp_path / "report").read_text()
    assert made["trained"] <= made["evaluated"] and "run" not in made  # it goes with the object
    assert "PGD-20" in text and f"evaluated {made['evaluated']}" in text


def test_attacked_images_are_those_that_are_drawn(run, result):
    found = result.adversarial(branch="adv", count=5)
    moved = np.abs(found["adversarial"] - found["image"])
    assert found["image"].shape == (5, 6, 6, 1) and 0 < moved.max() <= 16 + 1e-4
    predicted = run.model(found["adversarial"], "adv").numpy().argmax(-1)
    np.testing.assert_array_equal(found["prediction"], predicted)
    wrong = np.sum(result.predictions(*ATTACKS, "adv") != result.labels)
    clean = np.sum(result.predictions("clean", "adv") != result.labels)
    assert np.sum(predicted != found["label"]) >= min(5, wrong - clean)
    (title, *_) = [axes.get_title(loc="left") for axes in result.plot_confusion().axes]
    assert title.startswith("clean branch, PGD-20: ")
    for figure in (result.plot_images(), result.plot_reliability(), run.plot_history()):
        assert figure.axes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attacks": ["pdg10"]}, "no attack is called 'pdg10'.*Did you mean"),
        ({"branches": ["advv"]}, "no branch 'advv'.*Did you mean 'adv'"),
        ({"epsilon": -1}, "epsilon must be >= 0"),
        ({"epsilon": "8"}, "epsilon must be a number of pixels, got '8'"),
        ({"examples": 0}, "Evaluation.examples must be None or >= 1"),
    ],
)
def test_mistakes(arguments, message, run):
    with pytest.raises(tfadv.UserError, match=message):
        tfadv.evaluate(run, quiet=True, **arguments)


def test_a_warning_points_at_the_callers_line(run, test_images):
    model = run.model.as_keras("adv")
    with pytest.warns(UserWarning, match="gradients vanish") as warned:
        tfadv.evaluate(
            lambda images: 1e6 * model(images),
            test_images,
            attacks=[],
            pixel_range=(0, 255),
            quiet=True,
        )
    assert {one.filename for one in warned} == {__file__}


def test_what_is_no_model_or_has_no_range(run, test_images, keras_model):
    with pytest.raises(tfadv.UserError, match="a int is no tfadv.Run"):
        tfadv.evaluate(3, test_images)
    with pytest.raises(tfadv.UserError, match="only a run has images of its own"):
        tfadv.evaluate(keras_model)
    with pytest.raises(tfadv.UserError, match=r"pixel_range: .*such|pixel_range: give"):
        tfadv.evaluate(lambda images: images, test_images)
    with pytest.raises(tfadv.UserError, match="there is no attack|there is no 'apgd'"):
        tfadv.evaluate(run, attacks=[], quiet=True).accuracy("apgd")
