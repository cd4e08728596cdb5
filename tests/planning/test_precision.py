"""'auto' is settled: by what a run noted, what was measured before, or a measurement."""

import numpy as np
import pytest
import tensorflow as tf
from shared.measured_dtypes import ATTACK, AUTO, EVALUATION, TRAINING
from shared.smoke_trainers import do_steps, make_plan, one_device, values
from shared.tiny_evaluator import network
from shared.tiny_networks import external_model

from tfadv.devices.workers import Workers
from tfadv.planning.dtype_choice import Choice
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.precision import Precision, unsettled
from tfadv.training.trainer import Trainer

SMALL = ("ResNet.blocks = (1,)",)
NAMES = ["Training.dtype", "Training.attack_dtype", "Evaluation.dtype"]


def alone():
    return Workers(tf.distribute.get_strategy())


class OfTwo(Workers):
    """One of two workers, of which the first has said what it took."""

    def __init__(self, is_chief, said=0):
        super().__init__(tf.distribute.get_strategy())
        self.is_chief, self.said = is_chief, said

    def greatest(self, value):
        self.said = max(self.said, value)
        return self.said


def dtypes(plan):
    return plan.training.dtype, plan.training.attack_dtype, plan.evaluation.dtype


@pytest.mark.parametrize("faster", ["bfloat16", "float32"])
def test_all_three_take_what_is_faster(machine, faster):
    machine.faster = faster
    plan = one_device(make_plan("gn", *SMALL, *AUTO)).plan
    assert dtypes(plan) == (faster,) * 3
    # Attack and evaluation ask for the same gradient.
    assert machine.asked == ["a training forward and backward", "a gradient"]
    assert unsettled(plan) == [] and list(plan.precision) == NAMES
    assert EvaluationParts.of(plan).precision.dtype == faster


def test_nothing_is_measured_where_nobody_asks(machine):
    plan = make_plan("gn", *SMALL)
    assert one_device(plan).plan is plan and machine.asked == []


@pytest.mark.usefixtures("op_by_op")
def test_what_is_chosen_is_what_a_step_computes_in(machine):
    chosen, fast, exact = (
        one_device(make_plan("gn", *SMALL, binding))
        for binding in (ATTACK, ATTACK.replace("auto", "bfloat16"), "PGD.steps = 2")
    )
    for trainer in (chosen, fast, exact):
        do_steps(trainer, 1)
    np.testing.assert_equal(values(chosen), values(fast))
    with pytest.raises(AssertionError):
        np.testing.assert_equal(values(chosen), values(exact))


def test_a_measurement_is_taken_again_for_the_same_network_and_images(machine):
    one_device(make_plan("gn", *SMALL, TRAINING))
    machine.faster = "float32"  # which nobody asks again
    again = one_device(make_plan("gn", *SMALL, TRAINING, "Experiment.seed = 1"))
    assert again.plan.training.dtype == "bfloat16" and len(machine.asked) == 1
    for other in (
        ("ResNet.blocks = (2,)",),
        (*SMALL, "Training.micro_batch_size = 8"),
        (*SMALL, "Experiment.norm = 'batch_norm'"),
    ):
        assert one_device(make_plan("gn", TRAINING, *other)).plan.training.dtype == "float32"
    assert len(machine.asked) == 4


def test_what_a_run_noted_is_not_measured(machine):
    noted = {"Training.attack_dtype": Choice("bfloat16", "as it began")}
    machine.faster = "float32"
    plan = make_plan("gn", *SMALL, ATTACK, EVALUATION)
    found = Trainer(plan, tf.distribute.get_strategy(), Precision(noted)).plan
    assert dtypes(found) == ("float32", "bfloat16", "float32")
    assert machine.asked == ["a gradient"]
    bound = make_plan("gn", *SMALL)  # what is bound is not asked about
    assert Trainer(bound, tf.distribute.get_strategy(), Precision(noted)).plan is bound


def test_without_measuring_what_is_known_counts_and_else_float32(machine):
    looks = Precision(measures=False)
    plan = make_plan("gn", *SMALL, ATTACK)
    found = Trainer(plan, tf.distribute.get_strategy(), looks).plan
    assert found.training.attack_dtype == "float32" and machine.asked == []
    line = found.precision["Training.attack_dtype"].line("Training.attack_dtype")
    assert line.endswith("is float32: counted so, until a start measures a gradient in both")
    one_device(plan)
    known = Trainer(plan, tf.distribute.get_strategy(), looks).plan
    assert known.training.attack_dtype == "bfloat16" and len(machine.asked) == 1


def test_where_there_is_no_choice_nothing_is_measured(machine):
    plan = one_device(make_plan("clean", *SMALL, ATTACK)).plan
    assert plan.precision["Training.attack_dtype"].why == "nothing is attacked in training"
    plan = make_plan("gn", EVALUATION)
    model = external_model({"main": network}, plan.splits.test)
    parts = Precision().of_evaluation(EvaluationParts.of(plan), model, 1, alone())
    assert parts.evaluation.dtype == "float32" and machine.asked == []
    bound = EvaluationParts.of(make_plan("gn"))
    assert Precision().of_evaluation(bound, model, 1, alone()) is bound


def test_a_tpu_takes_bfloat16(machine, monkeypatch):
    devices = tf.config.list_logical_devices
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda kind: ["TPU:0"] if kind == "TPU" else []
    )
    model = one_device(make_plan("gn", *SMALL)).model
    parts = EvaluationParts.of(make_plan("gn", *SMALL, EVALUATION))
    found = Precision().of_evaluation(parts, model, 1, alone())
    assert found.evaluation.dtype == "bfloat16" and machine.asked == []
    monkeypatch.setattr(tf.config, "list_logical_devices", devices)


def test_the_chief_decides_for_all_workers(machine):
    model = one_device(make_plan("gn", *SMALL)).model
    plan = make_plan("gn", *SMALL, TRAINING)
    chief = OfTwo(is_chief=True)
    assert Precision().of_run(plan, model, 2, chief).training.dtype == "bfloat16"
    other = OfTwo(is_chief=False, said=chief.said)
    noted = {"Training.dtype": Choice("float32", "as it sees the shared disk")}
    assert Precision(noted).of_run(plan, model, 2, other).training.dtype == "bfloat16"
    assert len(machine.asked) == 1
