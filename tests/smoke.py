"""Trainers at the smoke scale, for the tests of what trains."""

import numpy as np
import tensorflow as tf

from tfadv import config
from tfadv.data.pipeline import Shares, train_batches
from tfadv.planning.plan import build_plan
from tfadv.testing import two_cpus
from tfadv.training.trainer import Trainer

SMOKE = "gin/scale/smoke.gin"


# One epoch of two steps, where the scale has two of one.
ONE_EPOCH = ("Training.epochs = 1", "synthetic.train_examples = 32")


def make_plan(recipe, *bindings, overlays=()):
    files = [f"gin/{recipe}.gin", SMOKE, *overlays]
    config.read(files, ["Experiment.deterministic = True", *ONE_EPOCH, *bindings])
    return build_plan()


def one_device(plan):
    return Trainer(plan, tf.distribute.get_strategy())


def mirrored(plan):
    return Trainer(plan, two_cpus())


def values(trainer):
    return {variable.path: np.array(variable) for variable in trainer.model.variables}


def finish(trainer):
    return list(trainer.steps())


def randomized(trainer):
    """Gives every weight and running statistic a random value, the same each time."""
    random = np.random.default_rng(0)
    for variable in trainer.model.variables:
        spread = 0.2 * random.normal(size=variable.shape)
        positive = variable.name in ("gamma", "moving_variance")
        variable.assign(1 + 0.5 * np.tanh(spread) if positive else spread)
    return trainer


def batches(plan, count):
    """Returns the first batches of a run on one device."""
    training = train_batches(
        plan.splits.train,
        plan.augmentation,
        plan.training.batch_size,
        Shares(),
        plan.experiment.seed,
        start=0,
    )
    return list(training.take(count))


def do_steps(trainer, count, late=False):
    """Does traced steps one by one, outside the loop; returns the last one's metrics."""
    step = tf.function(lambda batch: trainer.train_step(batch, late), autograph=False)
    for batch in batches(trainer.plan, count):
        metrics, not_finite = step(batch)
        assert not tf.reduce_any(not_finite > 0)
    return {name: float(value) for name, value in metrics.items()}
