"""Plans and trainers at the smoke scale: one epoch of two steps on random images."""

import dataclasses

import numpy as np
import tensorflow as tf

from shared.tiny_networks import randomize
from tfadv import config
from tfadv.data.pipeline import Shares, train_batches
from tfadv.planning.plan import build_plan
from tfadv.runs.run_directory import RunDirectory
from tfadv.testing import two_cpus
from tfadv.training.trainer import Trainer

SMOKE = "gin/scale/smoke.gin"
# One epoch of two steps, where the scale has two of one.
ONE_EPOCH = ("Training.epochs = 1", "synthetic.train_examples = 32")


def make_plan(recipe, *bindings, overlays=()):
    """Returns the plan of a recipe, by name, at this scale and in deterministic mode."""
    files = [f"gin/{recipe}.gin", SMOKE, *overlays]
    config.read(files, ["Experiment.deterministic = True", *ONE_EPOCH, *bindings])
    return build_plan()


def one_device(plan):
    """Returns a trainer on one CPU."""
    return Trainer(plan, tf.distribute.get_strategy())


def mirrored(plan):
    """Returns a trainer on two logical CPUs."""
    return Trainer(plan, two_cpus())


def randomized(trainer):
    """Gives every weight and running statistic a random value; returns the trainer."""
    randomize(trainer.model)
    return trainer


def values(trainer):
    """Returns all variables of the model by path."""
    return {variable.path: np.array(variable) for variable in trainer.model.variables}


def finish(trainer):
    """Trains to the end; returns the metrics of every call."""
    return list(trainer.steps())


def claimed(path, recipe="mbn_alp"):
    """Returns the folder of a run that a recipe has claimed."""
    directory = RunDirectory(path)
    directory.claim(config.read([f"gin/{recipe}.gin", SMOKE]), ["CPU"], 0)
    return directory


def batches(plan, count):
    """Returns the first batches of a run on one device."""
    training = train_batches(
        plan.feed.source,
        plan.augmentation,
        plan.training.batch_size,
        Shares(),
        plan.experiment.seed,
        start=0,
        drawing=plan.feed.drawing,
    )
    return list(training.take(count))


def do_steps(trainer, count, late=False):
    """Does traced steps one by one, outside the loop; returns the last one's metrics."""
    phase = dataclasses.replace(trainer.train_step.phase(epoch=0), late=late)
    step = tf.function(lambda batch: trainer.train_step(batch, phase), autograph=False)
    for batch in batches(trainer.plan, count):
        metrics, found = step(batch)
        assert not found.is_broken
    return {name: float(value) for name, value in metrics.items()}
