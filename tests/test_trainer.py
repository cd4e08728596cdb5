"""The real loop on tiny images: replicas, freezing, resuming, recording."""

import functools
import json
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import config, experiment
from tfadv.errors import UserError
from tfadv.run_directory import RunDirectory
from tfadv.trainer import Interrupted, Trainer

SMOKE = ("gin/scale/smoke.gin",)


def make_plan(recipe, *bindings):
    config.read([f"gin/{recipe}.gin", *SMOKE], ["Experiment.deterministic = True", *bindings])
    return experiment.plan()


def one_device(plan):
    return Trainer(plan, tf.distribute.get_strategy())


@functools.cache  # two strategies in one process mix up their collectives
def two_cpus():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def mirrored(plan):
    return Trainer(plan, two_cpus())


def values(trainer):
    return {variable.path: np.array(variable) for variable in trainer.model.variables}


def finish(trainer):
    return list(trainer.steps())


@pytest.mark.parametrize("recipe", ["gn", "alp"])
def test_two_replicas_equal_one_device(recipe):
    """Ten steps; batch norm on running statistics, as each replica has batches of its own."""
    bindings = ["Training.epochs = 5"]
    if recipe == "alp":
        bindings += ["NormPolicy.freeze = 'statistics'", "NormPolicy.freeze_last_epochs = 5"]
    single, double = (make(make_plan(recipe, *bindings)) for make in (one_device, mirrored))
    for name, value in values(single).items():
        np.testing.assert_array_equal(value, values(double)[name])
    singles, doubles = finish(single), finish(double)
    assert single.step == double.step == 10
    assert singles[-1]["loss"] == pytest.approx(doubles[-1]["loss"], abs=1e-5)
    for name, value in values(single).items():
        np.testing.assert_allclose(values(double)[name], value, atol=1e-5, rtol=0)


def test_mirrored_statistics_are_the_mean_over_the_replicas():
    trainer = mirrored(make_plan("mbn"))
    finish(trainer)
    for variable in trainer.model.non_trainable_variables:
        replicas = trainer.distribution.experimental_local_results(variable.value)
        np.testing.assert_array_equal(*replicas)


def test_freezing_keeps_the_statistics_while_gamma_and_beta_move():
    bindings = ("Training.epochs = 2", "NormPolicy.freeze = 'statistics'")
    bindings += ("LearningRate.rate_per_256 = 50.0",)
    trainer = one_device(make_plan("mbn", *bindings))
    steps = trainer.steps()
    first = next(steps)
    before = values(trainer)
    last = next(steps)
    assert (first["frozen_statistics"], last["frozen_statistics"]) == (False, True)
    after = values(trainer)
    for name, value in before.items():
        moved = np.abs(after[name] - value).max()
        if "moving" in name:
            assert moved == 0, name
        elif "gamma" in name or "beta" in name:
            assert moved > 0, name


def test_several_steps_in_a_call_equal_single_steps():
    together = one_device(make_plan("mbn_alp", "Training.steps_per_call = 2"))
    apart = one_device(make_plan("mbn_alp", "Training.steps_per_call = 1"))
    (means,), each = finish(together), finish(apart)
    for name in ("loss", "clean_accuracy", "adv_accuracy"):
        assert means[name] == pytest.approx(np.mean([m[name] for m in each]), rel=1e-5)
    for name, value in values(together).items():
        np.testing.assert_allclose(values(apart)[name], value, atol=1e-6)


def test_a_stopped_run_resumes_to_the_same_weights(tmp_path):
    bindings = ("Training.epochs = 3",)
    whole = one_device(make_plan("mbn_alp", *bindings))
    whole.run(claimed(tmp_path / "whole"))
    stopped = one_device(make_plan("mbn_alp", *bindings))
    directory = claimed(tmp_path / "stopped")
    stopped.evaluator = None  # a stopped run must not get as far as this
    steps = stopped.steps

    def interrupted_steps():
        for metrics in steps():
            if metrics["step"] == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield metrics

    stopped.steps = interrupted_steps
    with pytest.raises(Interrupted, match="SIGTERM at step 4"):
        stopped.run(directory)
    directory.append_metrics({"step": 6, "loss": -1})  # of work that was lost
    resumed = one_device(make_plan("mbn_alp", *bindings))
    results = resumed.run(directory)
    for name, value in values(whole).items():
        np.testing.assert_array_equal(values(resumed)[name], value)
    lines = [json.loads(line) for line in (directory.path / "metrics.jsonl").open()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert lines[-1]["loss"] != -1
    assert results == json.loads((tmp_path / "whole" / "results.json").read_text())


def claimed(path):
    directory = RunDirectory(path)
    read = config.read(["gin/mbn_alp.gin", *SMOKE])
    directory.claim(read, ["CPU"], 0)
    return directory


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path):
    trainer = one_device(make_plan("mbn_alp", "Training.epochs = 2"))
    directory = claimed(tmp_path)
    trainer.run(directory)
    newest = directory.path / "checkpoints" / "step-4.data-00000-of-00001"
    newest.write_bytes(newest.read_bytes()[:100])
    again = one_device(make_plan("mbn_alp", "Training.epochs = 2"))
    again.run(directory)
    for name, value in values(trainer).items():
        np.testing.assert_array_equal(values(again)[name], value)


def test_a_loss_that_is_not_finite_stops_the_run():
    trainer = one_device(make_plan("clean", "LearningRate.rate_per_256 = 1e38"))
    with pytest.raises(UserError, match="the loss became"):
        finish(trainer)


def test_weight_decay_reaches_kernels_alone():
    plain, decayed = (
        one_device(
            make_plan("clean", f"Training.weight_decay = {decay}", "Training.steps_per_call = 1")
        )
        for decay in (0.0, 0.5)
    )
    start = values(plain)
    for trainer in (plain, decayed):
        next(trainer.steps())
    rate = float(plain.plan.learning_rate(0))
    for name, value in values(plain).items():
        # Nesterov's first step moves by rate · gradient · (1 + momentum).
        pull = -rate * 1.9 * 0.5 * start[name] if name.endswith("kernel") else 0
        np.testing.assert_allclose(values(decayed)[name], value + pull, atol=1e-6)


def test_evaluation_counts_every_image_once_whatever_the_batch():
    records = []
    for batch_size in (16, 20, 6):
        keras.utils.clear_session()
        trainer = one_device(make_plan("mbn", f"Evaluation.batch_size = {batch_size}"))
        records.append(trainer.evaluate())
    for record in records:
        assert record["examples"] == 20
        assert record["clean"] == records[0]["clean"]
        assert [row["accuracy"] for row in record["attacks"]] == pytest.approx(
            [row["accuracy"] for row in records[0]["attacks"]], abs=0.05
        )


def test_evaluation_agrees_with_a_plain_forward():
    trainer = one_device(make_plan("mbn", "Evaluation.attacks = ()"))
    finish(trainer)
    source = trainer.plan.splits.test
    images, labels = zip(*(source.fetch(index) for index in range(len(source))), strict=True)
    predicted = np.argmax(trainer.model(tf.stack(images)), 1)
    expected = np.mean(predicted == np.array(labels))
    assert trainer.evaluate()["clean"]["adv"]["accuracy"] == pytest.approx(expected)
