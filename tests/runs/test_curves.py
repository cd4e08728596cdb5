"""Which numbers are drawn: each once, and none that says nothing."""

import types

from shared.evaluation_records import pgd, share

from tfadv.runs import curves

STRATEGY = types.SimpleNamespace(
    kinds={"clean": "clean", "adv": "adv"}, attacked_kinds={"adv": "adv"}
)


def test_neither_the_step_nor_what_is_false_is_a_curve():
    metrics = {"step": 20, "epoch": 0.5, "frozen_statistics": False, "loss": 1.5}
    metrics |= {"images_per_second": 90.0, "input_wait": 0.1}
    expected = {"epoch": 0.5, "loss": 1.5, "images_per_second": 90.0, "input_wait": 0.1}
    assert curves.training_curves(metrics) == expected
    frozen = curves.training_curves(metrics | {"frozen_statistics": True})
    assert frozen == expected | {"frozen_statistics": 1.0}


def test_a_process_first_call_says_nothing_of_speed():
    metrics = {"step": 10, "loss": 2.0, "images_per_second": 3.0, "input_wait": 0.9}
    assert curves.training_curves(metrics, is_first=True) == {"loss": 2.0}


def test_no_accuracy_of_a_validation_is_drawn_twice():
    """Numbers that are all different stay different, whatever they are called."""
    branches = ("clean", "adv")
    numbers = iter(range(100))
    accuracy = {
        weights: {
            branch: {what: next(numbers) / 100 for what in ("clean", "v/pgd", "v/apgd")}
            for branch in branches
        }
        for weights in ("trained", "average")
    }
    found = curves.validation_curves({"accuracy": accuracy}, STRATEGY)
    assert found["clean_accuracy"] == accuracy["trained"]["clean"]["clean"]
    assert found["adv_accuracy"] == accuracy["trained"]["adv"]["v/pgd"]
    assert found["average/adv/v/apgd"] == accuracy["average"]["adv"]["v/apgd"]
    assert sorted(found.values()) == [n / 100 for n in range(12)]


def test_kinds_of_a_network_without_branches_have_its_accuracy():
    accuracy = {"trained": {"main": {"clean": 0.7, "v/pgd": 0.2}}}
    found = curves.validation_curves({"accuracy": accuracy}, STRATEGY)
    assert found == {"clean_accuracy": 0.7, "adv_accuracy": 0.2}


def test_results_have_a_name_for_each_attack():
    attacks = [pgd("main", 20, 0.5), pgd("main", 20, 0.3, epsilon=32.0), pgd("main", 10, 0.6)]
    record = {"clean": {"main": share(0.9)}, "attacks": attacks}
    record["best"] = {"clean": {"main": share(0.8)}, "attacks": attacks[:1]}
    assert list(curves.tested(record).values()) == [0.9, 0.5, 0.3, 0.6, 0.8, 0.5]
