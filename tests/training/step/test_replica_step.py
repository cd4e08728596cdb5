"""A strategy's own step beside the rest: micro-batches, replicas, phases, faults, mistakes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import (
    batches,
    do_steps,
    finish,
    make_plan,
    mirrored,
    one_device,
    randomized,
    values,
)

from tfadv.errors import UserError
from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, BatchStrategy, Network
from tfadv.training.first_fault import broken_tensors

pytestmark = pytest.mark.usefixtures("worked_plugins")

AWP = ("Experiment.strategy = 'awp'", "AdversarialWeightPerturbation.gamma = 0.05")
FREE = ("Experiment.strategy = 'free'", "Free.replays = 2")
TEACHER = ("Experiment.strategy = 'mean_teacher'", "Training.average_decay = 0.9")
SMALL = ("Training.batch_size = 8", "synthetic.train_examples = 8", "PGD.steps = 1")
GHOSTS = (*SMALL, "NormPolicy.ghost_batch_size = 4")
PARTS = "Training.micro_batch_size = 4"


def require_the_same(found, expected):
    for path, value in values(expected).items():
        np.testing.assert_allclose(values(found)[path], value, atol=1e-5, err_msg=path)


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("strategy", [AWP, FREE, TEACHER])
def test_micro_batches_make_no_difference(strategy):
    whole = randomized(one_device(make_plan("mbn", *strategy, *GHOSTS)))
    parts = randomized(one_device(make_plan("mbn", *strategy, *GHOSTS, PARTS)))
    for trainer in (whole, parts):
        do_steps(trainer, 1)
        assert trainer.step == 1
    require_the_same(parts, whole)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [AWP, FREE, TEACHER])
def test_replicas_make_no_difference(strategy):
    alone, two = (
        randomized(trainer_of(make_plan("mbn", *strategy, *GHOSTS)))
        for trainer_of in (one_device, mirrored)
    )
    for trainer in (alone, two):
        finish(trainer)
        assert trainer.step == 1
    require_the_same(two, alone)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [AWP, FREE])
def test_a_traced_step_in_parts_is_one_op_by_op(op_by_op, strategy):
    """The loop over micro-batches is traced; what is kept of each goes through it."""
    plan = make_plan("gn", *strategy, *SMALL, PARTS)
    traced, eager = (randomized(one_device(plan)) for _ in range(2))
    do_steps(eager, 1)
    tf.config.run_functions_eagerly(False)
    do_steps(traced, 1)
    require_the_same(traced, eager)


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("strategy", [AWP, FREE])
def test_late_epochs_leave_what_they_freeze(strategy):
    plan = make_plan("mbn", *strategy, *SMALL)
    policy = dataclasses.replace(plan.norm_policy, freeze="all")
    trainer = randomized(one_device(dataclasses.replace(plan, norm_policy=policy)))
    start = values(trainer)
    do_steps(trainer, 1, late=True)
    for path, value in values(trainer).items():
        frozen = any(part in path for part in ("moving", "gamma", "beta"))
        assert np.array_equal(value, start[path]) == frozen, path


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("strategy", [AWP, FREE])
def test_a_step_that_is_not_finite_is_taken_back_and_looked_into(strategy):
    trainer = randomized(one_device(make_plan("mbn", *strategy, *SMALL)))
    trainer.model.head.kernel.assign(tf.fill(trainer.model.head.kernel.shape, 1e38))
    before = [np.array(variable) for variable in trainer.variables]
    (batch,) = batches(trainer.plan, 1)
    _, found = trainer.train_step(batch, trainer.train_step.phase(epoch=0))
    assert found.is_broken
    trainer.optimizer.iterations.assign(0)
    first = broken_tensors(trainer, batch)
    assert first and trainer.step == 0
    for variable, value in zip(trainer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.usefixtures("op_by_op")
def test_each_replay_has_a_dropout_of_its_own(monkeypatch):
    trainer = one_device(make_plan("mbn", *FREE))
    seen = []
    whole = Network.train_logits

    def noting(self, images, seed=None):
        seen.append(np.array(seed))
        return whole(self, images, seed)

    monkeypatch.setattr(Network, "train_logits", noting)
    do_steps(trainer, 1)
    first, second = seen
    assert not np.array_equal(first, second)


@pytest.mark.usefixtures("op_by_op")
def test_step_and_epoch_are_tensors(forget_plugins):
    seen = []

    @STRATEGIES.register("looks_at_the_clock")
    class LooksAtTheClock(BatchStrategy):
        """Notes the time."""

        branches = (ADV,)

        def run(self, step, batch):
            seen.append((int(step.number), float(step.epoch)))
            found = step.gradients(
                {ADV: batch.images},
                lambda logits: tf.reduce_mean(self.branch_losses(logits, batch.truth)[ADV]),
                batch,
            )
            for _ in range(2):
                step.update(found)

    clock = "Experiment.strategy = 'looks_at_the_clock'"
    do_steps(one_device(make_plan("mbn", clock)), 3)
    assert seen == [(0, 0.0), (1, 0.5), (2, 1.0)]


@pytest.mark.usefixtures("op_by_op")
def test_moved_weights_are_for_gradients_alone(forget_plugins):
    """The attack's view stays that of the weights as they are, and nothing is updated there."""
    views = []

    @STRATEGIES.register("moves")
    class Moves(BatchStrategy):
        """Moves all weights."""

        branches = (ADV,)

        def run(self, step, batch):
            with step.weights_at(step.variables, [variable + 1.0 for variable in step.variables]):
                views.append(step.attacked(batch))
                found = step.gradients(
                    {ADV: views[0]},
                    lambda logits: tf.reduce_mean(self.branch_losses(logits, batch.truth)[ADV]),
                    batch,
                )
                step.update(found)

    trainer = randomized(one_device(make_plan("mbn", "Experiment.strategy = 'moves'", *SMALL)))
    start = values(trainer)
    with pytest.raises(UserError, match="'moves' updates within `weights_at`"):
        do_steps(trainer, 1)
    for path, value in values(trainer).items():
        np.testing.assert_array_equal(value, start[path])
    (batch,) = batches(trainer.plan, 1)
    step = trainer.train_step.on_replica(trainer.train_step.phase(epoch=0))
    np.testing.assert_array_equal(views[0], step.attacked(trainer.train_step.batch(batch)))


def test_a_step_without_an_update_is_refused(forget_plugins):
    @STRATEGIES.register("idle")
    class Idle(BatchStrategy):
        """Does nothing."""

        def run(self, step, batch):
            pass

    trainer = one_device(make_plan("mbn", "Experiment.strategy = 'idle'"))
    with pytest.raises(UserError, match="'idle' updates nothing"):
        next(trainer.steps())
