"""What a plan validates on: images that it is not trained on, and never those of the test."""

import numpy as np
import pytest
from shared.validated_runs import VALIDATED, plan_of

from tfadv.errors import UserError
from tfadv.planning.paper_rows import recipe_of
from tfadv.planning.validation_parts import Criterion


def test_held_out_images_are_not_trained_on():
    plan = plan_of()
    found = {name: len(source) for name, source in plan.sources.items()}
    assert found == {"train": 32, "test": 20, "validation": 16}
    assert plan.steps_per_epoch == 2
    held, rest = plan.validation.source, plan.splits.train
    assert held.source is rest.source
    assert not np.intersect1d(held._indices, rest._indices).size
    share = plan_of("Validation.images = 0.25").validation
    assert len(share.source) == 12 and share.are_held_out


def test_another_data_set_or_split_is_taken_whole():
    other = ("Validation.images = 0", "Validation.dataset = 'mine/synthetic'")
    plan = plan_of(*other, "mine/synthetic.test_examples = 30")
    assert {name: len(source) for name, source in plan.sources.items()} == {
        "train": 48,
        "test": 20,
        "validation": 30,
    }
    assert not plan.validation.are_held_out
    with pytest.raises(UserError, match="synthetic train has 4 classes, synthetic test 3"):
        plan_of(*other, "mine/synthetic.classes = 3")


@pytest.mark.parametrize(
    ("recipe", "bindings", "expected"),
    [
        ("adv_100_clean_0", (), ("validation/pgd", "main", "trained")),
        ("mbn", (), ("validation/pgd", "adv", "trained")),
        ("mbn", ("Validation.attacks = ()",), ("clean", "adv", "trained")),
        ("mbn", ("Validation.best_branch = 'clean'",), ("validation/pgd", "clean", "trained")),
        (
            "mbn",
            ("Validation.best_weights = 'average'", "Training.average_decay = 0.9"),
            ("validation/pgd", "adv", "average"),
        ),
    ],
)
def test_what_the_best_is_chosen_by(recipe, bindings, expected):
    plan = plan_of(*bindings, recipe=recipe)
    branches = ("adv", "clean") if recipe == "mbn" else ("main",)
    criterion = plan.validation.criterion(branches, branches[0], plan.strategy)
    assert criterion == Criterion(*expected)
    assert criterion.file_name.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Validation.images = 0", "needs images: bind one of Validation.images"),
        ("Validation.dataset = 'synthetic'", "needs images: bind one of Validation.images"),
        ("Validation.every_epochs = 0", "Validation.images is never looked at"),
        ("Validation.images = 1.5", "must be a share in 0..1 or a whole number, got 1.5"),
        ("Validation.images = 48", "must hold out some of the 48 training images and not all"),
        ("Validation.images = 0.001", "must hold out some of the 48 training images"),
        ("Validation.best = 'validaton/pgd'", "Did you mean 'validation/pgd'"),
        ("Validation.best_weights = 'average'", "needs an average: bind Training.average_decay"),
        ("Validation.patience = -1", "Validation.patience must be >= 0"),
        ("Experiment.initial_checkpoint = 'bst'", "Did you mean 'best'"),
        ("Experiment.initial_checkpoint = 'best'", "needs Experiment.initial_weights"),
    ],
)
def test_a_mistake_is_one_line(binding, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")) as error:
        plan_of(binding)
    assert "\n" not in error.value.message


def test_an_unknown_branch_is_refused():
    plan = plan_of("Validation.best_branch = 'adw'", recipe="mbn")
    with pytest.raises(UserError, match="Did you mean 'adv'"):
        plan.validation.criterion(("adv", "clean"), "adv", plan.strategy)


def test_how_often_one_looks_is_no_science_and_what_one_trains_on_is():
    held_out = {"Experiment.scale": "smoke", "Validation.images": 16}
    assert recipe_of(held_out) is None
    assert VALIDATED
    due = plan_of("Validation.every_epochs = 2").validation
    assert [epoch for epoch in range(6) if due.is_due(epoch, 5)] == [2, 4, 5]
