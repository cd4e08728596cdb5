"""What follows of a run's validations: the best one, when to stop, training's means."""

import numpy as np
import pytest

from tfadv.training.history import History, weighted_means


def history(*values):
    """Returns a history of validations of every tenth step."""
    return History(
        {"kind": "validation", "step": 10 * (n + 1), "value": v} for n, v in enumerate(values)
    )


def test_the_earliest_of_the_greatest_is_the_best():
    assert history().best_step() is None
    found = history(0.1, 0.5, 0.4, 0.5, 0.6)
    assert [found.best_step(until) for until in (9, 10, 25, 45, 50)] == [None, 10, 20, 20, 50]
    assert found.last_step == 50 and history().last_step == 0


@pytest.mark.parametrize(
    ("values", "since"), [((), 0), ((0.5,), 0), ((0.5, 0.5), 1), ((0.1, 0.5, 0.2, 0.3), 2)]
)
def test_stopping_after_so_many_without_a_better_one(values, since):
    found = history(*values)
    assert found.without_better() == since
    assert not found.stops(patience=0) and not found.stops(since + 1)
    assert found.stops(since) == (since > 0)


def test_means_are_those_of_all_steps_wherever_a_run_was_stopped():
    loss = np.random.default_rng(0).uniform(0, 3, 40)

    def rows(*ends):
        starts = (0, *ends)
        return [
            {"step": end, "loss": float(loss[start:end].mean()), "learning_rate": 0.1}
            for start, end in zip(starts, ends, strict=False)
        ]

    expected = {"loss": round(loss.mean(), 4)}
    assert weighted_means(rows(20, 40), 0) == weighted_means(rows(7, 20, 39, 40), 0) == expected
    skipped = [{"step": 3, "loss": 1.0, "skipped_steps": 2}, {"step": 4, "loss": 4.0}]
    assert weighted_means(skipped, 0) == {"loss": 2.5}
    assert weighted_means([{"step": 2, "skipped_steps": 2}], 0) == {}


def test_training_is_averaged_since_the_validation_before():
    found = history(0.1)
    found.add({"step": 12, "loss": 1.0, "adv_accuracy": 0.5})
    found.add({"step": 14, "loss": 2.0, "adv_accuracy": 0.7})
    assert found.training() == {"loss": 1.5, "adv_accuracy": 0.6}
    found.add({"kind": "validation", "step": 14, "value": 0.2})
    assert found.training() == {}


def test_a_run_that_goes_on_with_another_has_no_steps_before_it_began():
    rows = [{"step": 11, "loss": 1.0}, {"step": 12, "loss": 2.0}]
    assert History(rows, began=10).training() == {"loss": 1.5}
