"""The work of a step: passes, operations, memory and time."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan, one_device

from tfadv.config.hardware import Hardware
from tfadv.planning.workload import Workload, measure_workload


def test_time_by_stated_peaks():
    """The released pipeline's account: ResNet-152, PGD-30, 52 hours on 128 V100."""
    workload = Workload(2 * 11.51e9, 0, attack_steps=30, trained_images=1)
    flops = {kind: n * 110 * 1_281_167 for kind, n in workload.flops("float32", "float32").items()}
    seconds = Hardware("V100", 128, utilization=0.55).seconds(flops, 128)
    assert seconds / 3600 == pytest.approx(52, rel=0.02)
    assert Hardware("TPU v3").seconds(flops, 128) is None  # no float32 peak
    hardware = Hardware(bandwidth=10.0)
    assert hardware.all_reduce_seconds(1e9, 5) == pytest.approx(2 * 4 / 5 * 0.1)
    assert Hardware().all_reduce_seconds(1e9, 5) is None
    mixed = Workload(1e9, 0, 10, 2).flops("float32", "bfloat16")
    assert mixed == {"bfloat16": 20e9, "float32": 6e9}


@pytest.mark.parametrize(
    ("recipe", "attacked", "trained"),
    [("clean", 0, 1), ("adv_100_clean_0", 2, 1), ("adv_100_clean_40", 2, 1.375), ("mbn_alp", 2, 2)],
)
def test_the_workload_counts_what_a_strategy_uses(recipe, attacked, trained):
    trainer = one_device(make_plan(recipe))
    workload = measure_workload(trainer.model, trainer.plan.strategy, trainer.plan.attack, 16)
    assert (workload.attack_steps, workload.trained_images) == (attacked, trained)
    operations = 2 * 8 * 8 * np.prod(trainer.model.stem.kernel.shape)
    for block, (size_in, size_out) in zip(trainer.model.blocks, ((8, 8), (8, 4)), strict=True):
        for unit, size in (
            (block.reduce, size_in),
            (block.spatial, size_out),
            (block.expand, size_out),
            (block.shortcut, size_out),
        ):
            operations += 2 * size * size * np.prod(unit.kernel.shape)
    operations += 2 * np.prod(trainer.model.head.kernel.shape)
    assert workload.forward_flops == operations


def test_memory_is_the_greater_of_training_and_attack():
    workload = Workload(0, outputs=100, attack_steps=3, trained_images=2)
    assert workload.activation_bytes(10, "float32", "float32") == 10 * 2 * 4 * 100 * 2
    light = Workload(0, outputs=100, attack_steps=3, trained_images=0.1)
    assert light.activation_bytes(10, "float32", "bfloat16") == 10 * tf.bfloat16.size * 100


@pytest.mark.parametrize(
    ("recipe", "passes", "trained"),
    [
        ("mbn", 7, 2),
        ("clean", 0, 1),
        ("adv_100_clean_0", 7, 1),
        ("plugins/fast", 1, 1),  # one step of its own, whatever the run's N
        ("plugins/trades", 8, 2),  # and a pass of the clean images
    ],
)
def test_the_attacks_of_a_strategy_are_counted(recipe, passes, trained):
    plan = make_plan(recipe, "PGD.steps = 7")
    model = one_device(plan).model
    workload = measure_workload(model, plan.strategy, plan.attack, 16)
    assert (workload.attack_steps, workload.trained_images) == (passes, trained)


def test_a_billion_steps_are_counted_without_taking_them():
    plan = make_plan("mbn", "PGD.steps = 1000000000")
    workload = measure_workload(one_device(plan).model, plan.strategy, plan.attack, 16)
    assert workload.attack_steps == 1e9 and plan.attack.steps == 10**9
