"""Checkpoints of a small network, saved as they are now and as they were before."""

import itertools
import json

import keras
import numpy as np
import tensorflow as tf

from tfadv.runs.checkpoints import Checkpoints


class SmallRun:
    """A small network whose every step gives its variables new values.

    Args:
        folder: of its checkpoints.
        **options: of `Checkpoints`.
    """

    def __init__(self, folder, **options):
        self.folder = folder
        layer = keras.layers.Dense(3, name="dense")
        self.model = keras.Sequential([keras.Input((2,)), layer], name="net")
        self.optimizer = keras.optimizers.SGD(0.1, momentum=0.9, name="sgd")
        self.optimizer.build(self.model.trainable_variables)
        self.checkpoints = Checkpoints(folder, self.model, self.optimizer, **options)

    def at(self, step):
        """Goes to a step; returns the run."""
        self.optimizer.iterations.assign(step)
        for variable in self.model.variables:
            variable.assign(values_at(step)[variable.path])
        return self

    def save(self, *steps):
        """Saves some steps; returns the run."""
        for step in steps:
            self.at(step).checkpoints.save()
        return self

    def save_as_before(self, *steps):
        """Saves some steps with TensorFlow's manager, as the releases without manifests did."""
        tracked = {
            "model": {v.path: v.value for v in self.model.variables},
            "optimizer": {v.path: v.value for v in self.optimizer.variables},
        }
        manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**tracked), str(self.folder), 2, checkpoint_name="step"
        )
        for step in steps:
            self.at(step)
            manager.save(checkpoint_number=step)
        return self

    def values(self):
        """Returns the model's variables by path."""
        return {variable.path: np.array(variable) for variable in self.model.variables}


def values_at(step):
    """Returns what the variables of a small run are at a step, by path."""
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3) / 7 + step
    return {"net/dense/kernel": kernel, "net/dense/bias": kernel[0] / 3}


def flipped(content):
    """Yields copies of some bytes with one bit of one of them flipped, for every third byte."""
    for position, bit in zip(
        range(0, len(content), 3), itertools.cycle((1, 64, 128)), strict=False
    ):
        changed = bytearray(content)
        changed[position] ^= bit
        yield bytes(changed)


def truncated(content):
    """Yields beginnings of some bytes."""
    for part in (0, 1, len(content) // 2, len(content) - 1):
        yield content[:part]


def garbled(content):
    """Yields bytes that are no checkpoint's."""
    yield b"\0" * len(content)
    yield content + b"\n{}"
    yield json.dumps([1, {"files": 3}]).encode()
