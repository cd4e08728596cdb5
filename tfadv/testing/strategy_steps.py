"""Steps of a strategy on a tiny network, for the kit to look into."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfadv.attacks import Attack
from tfadv.attacks.pgd import PGD
from tfadv.config.training_settings import Training
from tfadv.models import Model
from tfadv.models.resnet import ResNet
from tfadv.norms import NormPhase
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.policy import DEFAULT_POLICY
from tfadv.optimization.weight_average import MovingAverage, WeightAverage
from tfadv.strategies import Batch, BatchStrategy
from tfadv.testing.faults import ConformanceError
from tfadv.training.step.replica_step import ReplicaStep

CLASSES = 4
IMAGES = 12
UNUSED = "unused"
ATTACK = PGD(epsilon=8.0, steps=2, step_size=4.0)


class Pass(NamedTuple):
    """What a strategy asks `Step.gradients` for.

    Attributes:
        images: by kind.
        loss: of logits by kind.
        attacked: whether it has asked for the model as an attack sees it.
    """

    images: Mapping[str, tf.Tensor]
    loss: Callable
    attacked: bool


def a_network(strategy: BatchStrategy, norm: Callable | None = None) -> Model:
    """Returns a tiny network, all of its trained variables random.

    Args:
        strategy: the branches of its kinds are the norm's, beside one that nothing trains.
        norm: None takes a mixture BN.
    """
    branches = tuple(dict.fromkeys([*strategy.kinds.values(), UNUSED]))
    norm = norm or functools.partial(MixtureBatchNorm, branches, branches[0])
    model = ResNet((1,), (8, 8, 3), CLASSES, norm, width=4, stem="small")
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    return model


def some_examples() -> Batch:
    """Returns images [12, 8, 8, 3] in 0..255, of all classes, and their mirror images."""
    pixels = np.random.default_rng(3).uniform(0, 255, (IMAGES, 8, 8, 3))
    labels = tf.constant(np.arange(IMAGES) % CLASSES, tf.int32)
    images = tf.constant(pixels, tf.float32)
    index = tf.range(IMAGES, dtype=tf.int64)
    return Batch(images, labels, index, run_seed=0, view=images[:, :, ::-1])


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What `ReplicaStep` needs of a plan."""

    strategy: BatchStrategy
    attack: Attack
    training = Training(epochs=1, batch_size=IMAGES, weight_decay=1e-4)
    norm_policy = DEFAULT_POLICY
    steps_per_epoch = 1

    @property
    def experiment(self):
        return self

    @property
    def attacks(self) -> dict[str, Attack]:
        return dict.fromkeys(self.strategy.named_attacks, self.attack)


class TinyRun:
    """A strategy with a tiny network and an optimizer.

    Args:
        strategy: whose steps to do.
        norm: see `a_network`.

    Attributes:
        model: the network.
        optimizer: plain SGD.
    """

    def __init__(self, strategy: BatchStrategy, norm: Callable | None = None):
        self.model = a_network(strategy, norm)
        self.optimizer = keras.optimizers.SGD(0.01)
        self.optimizer.build(self.model.trainable_variables)
        self._strategy = strategy
        self._average = None
        if strategy.needs_average:
            here = tf.distribute.get_strategy()
            self._average = WeightAverage(self.model.variables, MovingAverage(0.9), here)

    def first_pass(self, batch: Batch, attack: Attack = ATTACK, ghosts: int = 1) -> Pass:
        """Returns the first of a step's passes, before anything is updated."""
        try:
            step = self._step(_UntilTheFirstPass, attack, ghosts)
            self._strategy.at(step).run(step, batch)
        except _FirstPassError as found:
            return found.args[0]
        raise ConformanceError("it does its step without `Step.gradients`")

    def step(self, batch: Batch, ghosts: int = 1, micro_batches: int = 1) -> ReplicaStep:
        """Does a step and returns it."""
        step = self._step(ReplicaStep, ATTACK, ghosts, micro_batches)
        self._strategy.at(step).run(step, batch)
        step.outcome()
        return step

    def _step(self, kind: type[ReplicaStep], attack, ghosts, micro_batches=1) -> ReplicaStep:
        return kind(
            _Parts(self._strategy, attack),
            self.model,
            self.optimizer,
            self.model.trainable_variables,
            NormPhase(ghost_batches=ghosts),
            micro_batches=micro_batches,
            average=self._average,
        )


class _FirstPassError(Exception):
    """Ends a step whose first pass is all that is looked at."""


class _UntilTheFirstPass(ReplicaStep):
    def _backward(self, images, loss, batch, decay, watched):
        raise _FirstPassError(Pass(images, loss, self.network.attacked))
