"""Evaluation along one trajectory: what separate runs give, in fewer passes."""

import pytest
import tensorflow as tf
from smoke import make_plan, one_device, randomized

from tfadv import evaluator
from tfadv.evaluator import Evaluator

ATTACKS = "Evaluation.attacks = ('pgd20/pgd', 'pgd100/pgd', 'short/pgd')"
# ε/N is the step, as in evaluation: 'fixed' makes the steps equal.
BINDINGS = (ATTACKS, "eval/PGD.step_rule = 'fixed'", "eval/short/PGD.steps = 5")


def record(monkeypatch, *bindings, long=evaluator.LONG):
    monkeypatch.setattr(evaluator, "LONG", long)
    plan = make_plan("mbn", *BINDINGS, *bindings)
    trainer = randomized(one_device(plan))
    return Evaluator(
        trainer.model,
        plan.splits.test,
        plan.evaluation,
        plan.evaluation_attacks,
        tf.distribute.get_strategy(),
        plan.experiment.seed,
    ).evaluate()


def outcomes(found):
    return [
        (row["branch"], row["steps"], row["accuracy"], row["attack_success"])
        for row in found["attacks"]
    ]


@pytest.mark.parametrize("trajectory", ["shared", "independent"])
def test_skipping_cycles_changes_no_number(monkeypatch, trajectory):
    chosen = f"Evaluation.trajectory = '{trajectory}'"
    walked = record(monkeypatch, chosen)
    plain = record(monkeypatch, chosen, long=10**9)
    assert outcomes(walked) == outcomes(plain)
    assert walked["clean"] == plain["clean"]
    assert [row["examples"] for row in walked["attacks"]] == [20] * 6
    assert not any("passes_per_image" in row for row in plain["attacks"])
    passes = {row["steps"]: row.get("passes_per_image") for row in walked["attacks"]}
    assert 1 < passes[100] <= 101
    shared = trajectory == "shared"
    assert (passes[20] == passes[100]) == shared and (passes[5] is None) == (not shared)


def test_independent_runs_have_starts_of_their_own(monkeypatch):
    """The longest has the same numbers in both modes, being its own leader."""
    shared, independent = (
        outcomes(record(monkeypatch, f"Evaluation.trajectory = '{mode}'"))
        for mode in ("shared", "independent")
    )
    longest = [row for row in shared if row[1] == 100]
    assert longest == [row for row in independent if row[1] == 100]


def test_other_step_sizes_share_no_run(monkeypatch):
    found = record(monkeypatch, "eval/pgd20/PGD.step_size = 3.0")
    passes = {row["steps"]: row.get("passes_per_image") for row in found["attacks"]}
    assert passes[20] is None and passes[5] == passes[100] > 1
