"""What a dry run says: the paper's row, the work and its time."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared.measured_dtypes import ATTACK, EVALUATION
from shared.smoke_trainers import make_plan, one_device

from tfadv import config
from tfadv.planning import dry_run
from tfadv.planning.precision import Precision
from tfadv.training.trainer import Trainer


def lines(recipe, *bindings, folder):
    plan = make_plan(recipe, *bindings)
    read = config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"], bindings)
    return "\n".join(report(read, plan, folder))


def report(read, plan, folder):
    trainer = Trainer(plan, tf.distribute.get_strategy(), Precision(measures=False))
    kept, replicas = trainer.variables, trainer.replicas
    return dry_run.report(read, trainer.plan, trainer.model, kept, replicas, folder)


@pytest.mark.parametrize(
    ("recipe", "printed"),
    [
        ("mbn", "2000; clean branch 79.3% clean"),
        ("mbn", "100% clean': adv branch 64.4% clean, 51.8% PGD-10"),
        ("gn", "'GN, 100% adv + 100% clean': 67.5% clean, 52.1% PGD-10"),
    ],
)
def test_the_paper_s_numbers_are_given_by_branch(recipe, printed, tmp_path):
    assert printed in lines(recipe, folder=tmp_path)


def test_a_row_without_numbers_says_so(tmp_path):
    plan = make_plan("clean")
    read = config.read(["gin/clean.gin", "gin/depth/200.gin", "gin/scale/smoke.gin"])
    line = next(report(read, plan, tmp_path))
    assert line == "paper     figure 7: '0% adv + 100% clean, ResNet-200': no number printed"


V100 = ("Hardware.device = 'V100'", "Hardware.devices = 4")


def test_the_report_counts_work_time_price_and_traffic(tmp_path):
    report = lines("mbn", "Training.micro_batch_size = 8", "Hardware.devices = 2", folder=tmp_path)
    assert "16 images = 2 device(s) x 1 micro-batch(es) x 8; 8 images share" in report
    assert "time      unknown" in report and "1 epochs x 2 steps = 2 steps" in report
    assert "PGD.steps: 30 there, 2 here" in report
    speeds = [1.0, 40.0, 50.0, 60.0]
    text = "".join(json.dumps({"images_per_second": speed}) + "\n" for speed in speeds)
    (tmp_path / "metrics.jsonl").write_text(text)
    report = lines("mbn", "Hardware.price_per_hour = 900.0", folder=tmp_path)
    # 2 steps of 16 images at 50 images/s, an hour for 900.
    assert "0.32 s a step, 0.000178 hours (measured: 50 images/s); price 0" in report
    report = lines("mbn", *V100, folder=tmp_path)
    assert "stated: 4 x V100 at 35% of the peak" in report and "network" not in report
    report = lines("mbn", *V100, "Hardware.bandwidth = 1.0", folder=tmp_path)
    variables = one_device(make_plan("mbn")).model.trainable_variables
    size = 4 * sum(int(np.prod(variable.shape)) for variable in variables)
    assert f"{size / 1e9:.3g} GB of gradients" in report and "at 1 GB/s" in report


def test_a_dry_run_tells_the_dtype_that_was_measured_before_and_measures_none(machine, tmp_path):
    one_device(make_plan("gn", ATTACK))
    other = "Evaluation.batch_size = 8"
    report = lines("gn", ATTACK, EVALUATION, other, folder=tmp_path)
    line = "precision Training.attack_dtype = 'auto' is bfloat16: a gradient of 16"
    assert (
        line in report and "(pgd, 2 steps, bfloat16)" in report and ", 200 in float32 (" in report
    )
    line = "precision Evaluation.dtype = 'auto' is float32: counted so, until a start"
    assert line in report and len(machine.asked) == 1
