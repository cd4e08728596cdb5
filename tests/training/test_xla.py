"""XLA, traces and bfloat16: what a TPU asks of the step, and that nothing is traced twice."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import (
    batches,
    do_steps,
    finish,
    make_plan,
    one_device,
    randomized,
    values,
)

from tfadv import config, randomness
from tfadv.attacks.pgd import PGD
from tfadv.planning.plan import build_plan
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

NORMS = ("batch_norm", "mixture_batch_norm", "group_norm")
RECIPES = {"standard": "clean", "adversarial": "mbn", "logit_pairing": "mbn_alp"}
DIVIDED = ("Training.micro_batch_size = 8", "NormPolicy.ghost_batch_size = 4")


def compiled(trainer, batch, late=False):
    """Returns the whole step as one XLA function of a batch's tensors."""
    names = list(batch)
    phase = dataclasses.replace(trainer.train_step.phase(epoch=0), late=late)

    def step(*tensors):
        return trainer.train_step(dict(zip(names, tensors, strict=True)), phase)

    return tf.function(step, jit_compile=True, autograph=False)


# The kit compiles every strategy and every norm: here each is once in a whole step.
QUICK = {("standard", "batch_norm"), ("adversarial", "group_norm")}
QUICK |= {("logit_pairing", "mixture_batch_norm")}


@pytest.mark.parametrize(
    ("strategy", "norm"),
    [
        pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow)
        for pair in itertools.product(RECIPES, NORMS)
    ],
)
def test_the_whole_step_is_one_program_of_static_shapes(strategy, norm):
    trainer = one_device(make_plan(RECIPES[strategy], f"Experiment.norm = '{norm}'"))
    (batch,) = batches(trainer.plan, 1)
    for late in (False, True):
        lower = compiled(trainer, batch, late).experimental_get_compiler_ir(*batch.values())
        program = lower(stage="hlo")
        assert "f32[16,8,8,3]" in program
        assert "<=" not in program  # how HLO writes a dynamic dimension


@pytest.mark.slow
def test_the_whole_step_runs_as_one_program():
    """XLA draws other noise, so the weights are compared with those of no attack."""
    still = ("PGD.steps = 0", "PGD.clean_start_probability = 1.0", "PGD.jit_compile = True")
    plans = (make_plan("mbn_alp", *DIVIDED, "Training.average_decay = 0.9", *still),) * 2
    programs = [randomized(one_device(plan)) for plan in plans]
    (batch,) = batches(programs[0].plan, 1)
    found, _ = compiled(programs[0], batch)(*batch.values())
    expected = do_steps(programs[1], 1)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, 1e-5)
    for path, value in values(programs[1]).items():
        np.testing.assert_allclose(values(programs[0])[path], value, atol=1e-5, err_msg=path)


def test_no_phase_is_traced_twice(monkeypatch):
    """Partial last calls in training, a partial last batch in evaluation, both twice."""
    bindings = ("Training.epochs = 4", "Training.batch_size = 4", "Training.steps_per_call = 3")
    frozen = ("NormPolicy.freeze = 'statistics'", "NormPolicy.freeze_last_epochs = 2")
    trainer = one_device(make_plan("mbn", *bindings, *frozen))
    assert [metrics["step"] for metrics in finish(trainer)][:4] == [3, 6, 8, 11]
    for epoch in (0, 3):
        phase = trainer.train_step.phase(epoch)
        assert trainer._train_calls[phase, None].traced.experimental_get_tracing_count() == 1
    traced = []
    logits_fn = trainer.model.logits_fn

    def counted(*arguments, **options):
        traced.append(arguments)
        return logits_fn(*arguments, **options)

    monkeypatch.setattr(trainer.model, "logits_fn", counted)
    session = Session(trainer)
    first = session.evaluate()
    assert len(traced) == 4  # clean and attacked, two branches
    assert session.evaluate() == first
    assert len(traced) == 8  # anew, for the weights are constants of the graph


def test_training_in_bfloat16_stays_close_and_keeps_float32_weights():
    wide, narrow = (
        randomized(one_device(make_plan("mbn_alp", f"Training.dtype = '{dtype}'")))
        for dtype in ("float32", "bfloat16")
    )
    start = values(wide)
    losses = [do_steps(trainer, 1)["loss"] for trainer in (wide, narrow)]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.02)
    moves = [
        np.concatenate([(values(trainer)[path] - start[path]).ravel() for path in start])
        for trainer in (wide, narrow)
    ]
    cosine = moves[0] @ moves[1] / np.linalg.norm(moves[0]) / np.linalg.norm(moves[1])
    assert cosine > 0.98
    assert {variable.dtype for variable in narrow.model.variables} == {"float32"}


@pytest.mark.slow
def test_both_paths_attack_a_trained_model_alike():
    """PGD-10 on 500 digits, as one XLA program and as a plain graph."""
    config.read(["gin/adv_100_clean_0.gin"], ["Training.epochs = 8", "StepDecay.boundaries = (6,)"])
    trainer = Trainer(build_plan(), tf.distribute.get_strategy())
    assert math.isfinite(finish(trainer)[-1]["loss"])
    source = trainer.plan.splits.test
    images, labels = (
        tf.stack(column)
        for column in zip(*(source.fetch(index) for index in range(500)), strict=True)
    )
    seeds = randomness.example_seeds(0, "test", tf.range(500))
    logits_fn = trainer.model.logits_fn()
    found, accuracies = [], []
    for jit_compile in (True, False):
        attack = PGD(64, 10, 6.4, jit_compile=jit_compile)
        adversarial = tf.function(lambda attack=attack: attack(logits_fn, images, labels, seeds))()
        right = tf.argmax(trainer.model(adversarial), -1, tf.int32) == labels
        found.append(adversarial.numpy())
        accuracies.append(float(tf.reduce_mean(tf.cast(right, tf.float32))))
    same = np.mean(np.abs(found[0] - found[1]) <= 1e-4)
    print(f"{same:.4%} of the pixels are the same; accuracies {accuracies}")
    assert same >= 0.99
    assert 0.3 < accuracies[0] < 1 and abs(accuracies[0] - accuracies[1]) <= 0.005
