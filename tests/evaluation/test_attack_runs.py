"""Evaluation along one trajectory: what separate runs give, in fewer passes."""

import numpy as np
from shared.smoke_trainers import make_plan, one_device, randomized
from shared.tiny_evaluator import evaluator_of

from tfadv import randomness
from tfadv.data.pipeline import some_examples
from tfadv.evaluation import attack_runs
from tfadv.norms import NormMode

ATTACKS = "Evaluation.attacks = ('pgd20/pgd', 'pgd100/pgd', 'short/pgd')"
# ε/N is the step, as in evaluation: 'fixed' makes the steps equal.
BINDINGS = (ATTACKS, "eval/PGD.step_rule = 'fixed'", "eval/short/PGD.steps = 5")


def record(monkeypatch, *bindings, long=attack_runs.LONG):
    monkeypatch.setattr(attack_runs, "LONG", long)
    plan = make_plan("mbn", *BINDINGS, *bindings)
    trainer = randomized(one_device(plan))
    return evaluator_of(plan, trainer.model).evaluate()


def outcomes(found):
    return [
        (row["branch"], row["steps"], row["accuracy"], row["attack_success"])
        for row in found["attacks"]
    ]


def test_skipping_cycles_changes_no_number(monkeypatch):
    chosen = "Evaluation.trajectory = 'independent'"
    walked = record(monkeypatch, chosen)
    plain = record(monkeypatch, chosen, long=10**9)
    assert outcomes(walked) == outcomes(plain)
    assert walked["clean"] == plain["clean"]
    assert [row["examples"] for row in walked["attacks"]] == [20] * 6
    for row in plain["attacks"]:
        assert row["passes_per_image"] == row["passes"] == row["steps"] + 1
    passes = {row["steps"]: row["passes_per_image"] for row in walked["attacks"]}
    assert 1 < passes[100] <= 101 and passes[5] == 6 and passes[20] == 21


def test_a_shared_run_gives_what_each_attack_finds_from_its_start(monkeypatch):
    found = record(monkeypatch)
    plan = make_plan("mbn", *BINDINGS)
    model = randomized(one_device(plan)).model
    batch = some_examples(plan.splits.test, 20)
    seeds = randomness.example_seeds(0, "evaluate pgd100/pgd", batch["index"])
    for row in found["attacks"]:
        logits_fn = model.logits_fn(NormMode(row["branch"]))
        (attack,) = (a for a in plan.evaluation_attacks.values() if a.steps == row["steps"])
        logits = logits_fn(attack(logits_fn, batch["image"], batch["label"], seeds))
        right = np.argmax(logits, -1) == batch["label"]
        assert row["accuracy"] == np.mean(right)
        assert row["attack_success"] == np.mean(attack.succeeded(logits, batch["label"], seeds))
    passes = {row["steps"]: row["passes_per_image"] for row in found["attacks"]}
    assert 1 < passes[5] == passes[20] == passes[100] <= 101


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
    passes = {row["steps"]: row["passes_per_image"] for row in found["attacks"]}
    assert passes[20] == 21 and passes[5] == passes[100] > 1


def test_images_that_are_beaten_leave_an_attack_by_row():
    plan = make_plan("mbn", "Evaluation.attacks = ('apgd',)", "eval/APGD.steps = 10")
    model = randomized(one_device(plan)).model
    batch = some_examples(plan.splits.test, 20)
    seeds = randomness.example_seeds(0, "evaluate apgd", batch["index"])
    (attack,) = plan.evaluation_attacks.values()
    for row in evaluator_of(plan, model).evaluate()["attacks"]:
        logits_fn = model.logits_fn(NormMode(row["branch"]))
        called = logits_fn(attack(logits_fn, batch["image"], batch["label"], seeds))
        assert row["accuracy"] == np.mean(np.argmax(called, -1) == batch["label"]) < 1
        assert row["accuracy"] * row["passes"] <= row["passes_per_image"] < row["passes"]
