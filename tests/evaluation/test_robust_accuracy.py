"""Worst case, restarts and replicas: outcomes against attacks called one by one."""

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_evaluator import AUTOATTACK, make_evaluator, network

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.data.pipeline import some_examples
from tfadv.errors import UserError
from tfadv.testing import two_cpus

BINDINGS = (
    "Evaluation.attacks = ('fgsm', 'pgd20/pgd', 'other/pgd', 'apgd')",
    "Evaluation.batch_size = 10",
    "eval/pgd20/PGD.steps = 8",
    "eval/PGD.epsilon = 3.0",
    "eval/PGD.step_rule = 'fixed'",
    "eval/other/PGD.loss = 'margin'",
    "eval/other/PGD.targeted = False",
    "eval/other/PGD.steps = 3",
    "eval/APGD.steps = 5",
)


def evaluator(*bindings, **arguments):
    return make_evaluator(*BINDINGS, *bindings, branch="adv", **arguments)


def test_worst_case_counts_every_attack_restart_and_iterate():
    worst = ("Evaluation.worst_case = True", "Evaluation.restarts = 2")
    plan, made = evaluator(*worst)
    record = made.evaluate()
    batch = some_examples(plan.splits.test, 20)
    images, labels = batch["image"], tf.cast(plan.splits.test.labels, tf.int32)
    robust = np.argmax(network(images), -1) == labels
    assert record["clean"]["adv"]["accuracy"] == np.mean(robust) < 1
    attacks = plan.evaluation_attacks.items()
    for (spec, attack), row in zip(attacks, record["attacks"], strict=True):
        walked = type(attack) is PGD
        for restart in range(2):
            seeds = randomness.example_seeds(
                0, f"evaluate {spec}", batch["index"] + restart * 2**40
            )
            for steps in range(1, attack.steps + 1) if walked else [None]:
                if walked:
                    attack.steps = steps
                found = network(attack(network, images, labels, seeds))
                robust &= np.argmax(found, -1) == labels
        assert row["accuracy"] == np.mean(robust)
        assert row["attack_success"] == pytest.approx(1 - np.mean(robust))
        assert row["examples"] == 20
    titles = ["FGSM", "PGD-8", "PGD-3", "APGD-CE-5"]
    assert [row.get("after", []) for row in record["attacks"]] == [titles[:n] for n in range(4)]
    assert 0 < record["worst_case"]["adv"]["accuracy"] == np.mean(robust)
    assert np.mean(robust) < record["clean"]["adv"]["accuracy"]


@pytest.mark.parametrize(
    "attacks",
    ["('fgsm', 'pgd20/pgd', 'apgd')", pytest.param("('autoattack',)", marks=pytest.mark.slow)],
)
def test_two_replicas_give_the_outcomes_of_one(attacks):
    chosen = ("Evaluation.worst_case = True", f"Evaluation.attacks = {attacks}", *AUTOATTACK[1:])
    one, two = (evaluator(*chosen, distribution=on)[1].evaluate() for on in (None, two_cpus()))
    for record in (one, two):
        for row in record["attacks"]:
            row.pop("passes_per_image", None)
    assert one == two


def test_each_radius_is_a_threat_model_of_its_own():
    """Beaten at 3ε is not beaten at ε: no radius takes over the outcomes of another."""
    worst = "Evaluation.worst_case = True"
    chosen = ("Evaluation.attacks = ('pgd20/pgd', 'fgsm')", "Evaluation.radii = (0.5, 3.0)")
    _, made = evaluator(worst, *chosen)
    record = made.evaluate()
    rows = {(row["attack"], row["epsilon"]): row for row in record["attacks"]}
    assert list(rows) == [("pgd", 3.0), ("fgsm", 3.0), ("pgd", 1.5), ("pgd", 9.0)]
    assert [row.get("after") for row in rows.values()] == [None, ["PGD-8"], None, None]
    assert [row["step_size"] for row in rows.values() if "step_size" in row][-2:] == [0.5, 3.0]
    _, alone = evaluator(worst, chosen[0])
    plain = alone.evaluate()
    assert record["worst_case"] == plain["worst_case"]
    assert record["attacks"][:2] == plain["attacks"]
    accuracies = [rows["pgd", epsilon]["accuracy"] for epsilon in (1.5, 3.0, 9.0)]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > accuracies[-1]
    with pytest.raises(UserError, match="Evaluation.radii must be > 0"):
        evaluator("Evaluation.radii = (0.0,)")
