"""What a dry run says: the paper's row, the work and its time."""

import json

import numpy as np
import pytest
import tensorflow as tf
from smoke import make_plan, one_device

from tfadv import config
from tfadv.config.hardware import Hardware
from tfadv.planning import dry_run
from tfadv.planning.workload import Workload, measure_workload


def lines(recipe, *bindings, folder):
    plan = make_plan(recipe, *bindings)
    read = config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"], bindings)
    return "\n".join(dry_run.report(read, plan, one_device(plan), folder))


@pytest.mark.parametrize(
    ("recipe", "printed"),
    [
        ("mbn", "2000; clean branch 79.3% clean"),
        ("mbn", "100% clean': adv branch 64.4% clean, 51.8% PGD-10"),
        ("gn", "'GN, 100% adv + 100% clean': 67.5% clean, 52.1% PGD-10"),
    ],
)
def test_the_paper_s_numbers_are_told_by_branch(recipe, printed, tmp_path):
    assert printed in lines(recipe, folder=tmp_path)


def test_what_the_paper_does_not_print_is_said(tmp_path):
    plan = make_plan("clean")
    read = config.read(["gin/clean.gin", "gin/depth/200.gin", "gin/scale/smoke.gin"])
    told = next(dry_run.report(read, plan, one_device(plan), tmp_path))
    assert told == "paper     figure 7: '0% adv + 100% clean, ResNet-200': no number printed"


V100 = ("Hardware.device = 'V100'", "Hardware.devices = 4")


def test_the_report(tmp_path):
    told = lines("mbn", "Training.micro_batch_size = 8", "Hardware.devices = 2", folder=tmp_path)
    assert "16 images = 2 device(s) x 1 micro-batch(es) x 8; 8 images share" in told
    assert "time      unknown" in told and "1 epochs x 2 steps = 2 steps" in told
    assert "PGD.steps: 30 there, 2 here" in told
    speeds = [1.0, 40.0, 50.0, 60.0]
    text = "".join(json.dumps({"images_per_second": speed}) + "\n" for speed in speeds)
    (tmp_path / "metrics.jsonl").write_text(text)
    told = lines("mbn", "Hardware.price_per_hour = 900.0", folder=tmp_path)
    # 2 steps of 16 images at 50 images/s, an hour for 900.
    assert "0.32 s a step, 0.000178 hours (measured: 50 images/s); price 0" in told
    told = lines("mbn", *V100, folder=tmp_path)
    assert "stated: 4 x V100 at 35% of the peak" in told and "network" not in told
    told = lines("mbn", *V100, "Hardware.bandwidth = 1.0", folder=tmp_path)
    variables = one_device(make_plan("mbn")).model.trainable_variables
    size = 4 * sum(int(np.prod(variable.shape)) for variable in variables)
    assert f"{size / 1e9:.3g} GB of gradients" in told and "at 1 GB/s" in told


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
    ("recipe", "looks", "trained"),
    [
        ("mbn", 7, 2),
        ("clean", 0, 1),
        ("adv_100_clean_0", 7, 1),
        ("plugins/fast", 1, 1),  # one step of its own, whatever the run's N
        ("plugins/trades", 8, 2),  # and a look at the clean images
    ],
)
def test_attacks_are_counted_whosever_they_are(recipe, looks, trained):
    plan = make_plan(recipe, "PGD.steps = 7")
    model = one_device(plan).model
    workload = measure_workload(model, plan.strategy, plan.attack, 16)
    assert (workload.attack_steps, workload.trained_images) == (looks, trained)
