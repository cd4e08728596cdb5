"""The real loop on tiny images: replicas, freezing, resuming, recording."""

import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import batches, claimed, finish, make_plan, mirrored, one_device, values

from tfadv import randomness
from tfadv.errors import UserError
from tfadv.interruption import Interrupted
from tfadv.runs.checkpoints import Checkpoints, read_model
from tfadv.runs.run_directory import RunDirectory
from tfadv.strategies import Network
from tfadv.training.session import Session

GHOSTS = "NormPolicy.ghost_batch_size = 4"


@pytest.mark.parametrize(
    ("recipe", "policy"),
    [
        pytest.param("gn", (), marks=pytest.mark.slow),
        ("mbn_alp", ("NormPolicy.across_replicas = 'sync'",)),
        pytest.param("alp", (GHOSTS, "Training.micro_batch_size = 4"), marks=pytest.mark.slow),
        ("adv_100_clean_60", (GHOSTS,)),
    ],
)
def test_two_replicas_equal_one_device(recipe, policy):
    """Ten steps; batch statistics of the whole batch, or of ghost batches that are alike."""
    bindings = ["Training.epochs = 5", *policy]
    single, double = (make(make_plan(recipe, *bindings)) for make in (one_device, mirrored))
    for name, value in values(single).items():
        np.testing.assert_array_equal(value, values(double)[name])
    singles, doubles = finish(single), finish(double)
    assert single.step == double.step == 10
    assert singles[-1]["loss"] == pytest.approx(doubles[-1]["loss"], abs=1e-5)
    for name, value in values(single).items():
        np.testing.assert_allclose(values(double)[name], value, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("across", ["mean", "local"])
def test_replicas_share_their_running_statistics_or_not(across, tmp_path):
    trainer = mirrored(make_plan("mbn", f"NormPolicy.across_replicas = '{across}'"))
    finish(trainer)
    spreads = []
    for variable in trainer.model.non_trainable_variables:
        replicas = trainer.distribution.experimental_local_results(variable.value)
        spreads.append(np.abs(replicas[0] - replicas[1]).max())
    assert max(spreads) == 0 if across == "mean" else min(spreads) > 0
    # A checkpoint keeps the first replica's.
    Checkpoints(tmp_path, trainer.model, trainer.optimizer).save()
    for path, saved in read_model(tmp_path).items():
        np.testing.assert_array_equal(saved, values(trainer)[path])
    statistic = trainer.model.non_trainable_variables[0]
    first, second = trainer.distribution.experimental_local_results(statistic.value)
    np.testing.assert_array_equal(read_model(tmp_path)[statistic.path], first)
    assert np.array_equal(first, second) == (across == "mean")


@pytest.mark.usefixtures("op_by_op")
def test_replicas_attack_the_same_images_as_one_device():
    """The seed follows the example: the r-th of two replicas has every other image."""
    bindings = ("Experiment.deterministic = True", "PGD.steps = 5")
    single, double = (make(make_plan("mbn", *bindings)) for make in (one_device, mirrored))

    def adversarial(trainer, batch):
        plan = trainer.plan
        seeds = randomness.example_seeds(plan.experiment.seed, "attack", batch["index"])
        network = Network(trainer.model)
        rows = batch["image"], batch["label"], seeds
        return plan.strategy.training_images(network, plan.attack, *rows)["adv"]

    (batch,) = batches(single.plan, 1)
    expected = tf.function(adversarial, autograph=False)(single, batch)
    iterator = iter(double.batches(start=0))
    step = tf.function(
        lambda: double.distribution.run(adversarial, (double, next(iterator))), autograph=False
    )
    for replica, images in enumerate(double.distribution.experimental_local_results(step())):
        np.testing.assert_allclose(images, expected[replica::2], atol=1e-4)


@pytest.mark.usefixtures("op_by_op")
def test_the_weight_average_is_evaluated_beside_the_weights_and_resumed(tmp_path):
    bindings = ("Training.average_decay = 0.9", "Training.epochs = 2", "Evaluation.attacks = ()")
    trainer = one_device(make_plan("mbn", *bindings, "Training.steps_per_call = 1"))
    tracked = {path: value.astype(np.float64) for path, value in values(trainer).items()}
    for step, _ in enumerate(trainer.steps()):
        decay = min(0.9, (1 + step) / (10 + step))
        for path, value in values(trainer).items():
            tracked[path] = decay * tracked[path] + (1 - decay) * value
    raw = values(trainer)
    with trainer.average.in_place():
        for path, value in values(trainer).items():
            np.testing.assert_allclose(value, tracked[path], atol=1e-6)
    np.testing.assert_equal(values(trainer), raw)
    record = Session(one_device(make_plan("mbn", *bindings))).run(claimed(tmp_path))
    assert record["weight_average"]["decay"] == 0.9
    assert set(record["weight_average"]["clean"]) == {"clean", "adv"}
    again = one_device(make_plan("mbn", *bindings))
    Session(again).run(claimed(tmp_path))  # restores the average too: nothing is left to train
    averages = {path: np.array(value) for path, value in again.average.by_path().items()}
    for path, value in averages.items():
        np.testing.assert_allclose(value, tracked[path], atol=1e-5)


@pytest.mark.usefixtures("op_by_op")
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
    bindings = ("Training.epochs = 3", "Evaluation.attacks = ()")
    whole = one_device(make_plan("mbn_alp", *bindings))
    Session(whole).run(claimed(tmp_path / "whole"))
    stopped = one_device(make_plan("mbn_alp", *bindings))
    directory = claimed(tmp_path / "stopped")
    session = Session(stopped)
    session.evaluator = None  # a stopped run must not get as far as this
    steps = stopped.steps

    def interrupted_steps(stops):
        for metrics in steps(stops):
            if metrics["step"] == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield metrics

    stopped.steps = interrupted_steps
    with pytest.raises(Interrupted, match="SIGTERM at step 4"):
        session.run(directory)
    directory.append_metrics({"step": 6, "loss": -1})  # of work that was lost
    resumed = one_device(make_plan("mbn_alp", *bindings))
    results = Session(resumed).run(directory)
    for name, value in values(whole).items():
        np.testing.assert_array_equal(values(resumed)[name], value)
    lines = [json.loads(line) for line in (directory.path / "metrics.jsonl").open()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert lines[-1]["loss"] != -1
    assert results == RunDirectory(tmp_path / "whole").results()


def test_a_loss_that_is_not_finite_stops_the_run():
    trainer = one_device(make_plan("clean", "LearningRate.rate_per_256 = 1e38"))
    with pytest.raises(UserError, match="step [12]: .* holds numbers that are not finite"):
        finish(trainer)


@pytest.mark.usefixtures("op_by_op")
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
