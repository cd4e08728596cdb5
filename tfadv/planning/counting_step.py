"""A training step that computes nothing and counts what it would compute."""

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfadv.attacks import Attack
from tfadv.models.classifier import Trainable
from tfadv.pixels import LogitsFn
from tfadv.strategies import BatchStrategy, Gradients, Network, Step
from tfadv.strategies.network import mini_batches
from tfadv.strategies.step import Loss


class CountingStep(Step):
    """Stands for `Step` where a strategy is asked how much it does; step by step, not traced.

    Args:
        model: the model.
        strategy: whose step it is.
        attack: the run's.
        attacks: those that the strategy names.
        epoch: of the step.

    Attributes:
        asked: how many images the attacks looked at, each with a gradient.
        trained: how many were in a forward and backward of the loss.
        largest: how many at most in one of these.
        early: of the images of that one those that no attack makes, and that share neither
            statistics nor a term of the loss with others: their gradients wait for no attack.
    """

    variables = ()

    def __init__(
        self,
        model: Trainable,
        strategy: BatchStrategy,
        attack: Attack,
        attacks: Mapping[str, Attack],
        epoch: tf.Tensor,
    ):
        self.attack = attack
        self.attacks = attacks
        self.trained = self.largest = self.early = 0
        self._strategy = strategy
        self._epoch = epoch
        self._answering = _Answering(model)
        self._network = Network(
            self._answering, kinds=strategy.kinds, attacked_kinds=strategy.attacked_kinds
        )

    @property
    def asked(self) -> float:
        return self._answering.asked

    @property
    def network(self) -> Network:
        return self._network

    @property
    def number(self) -> tf.Tensor:
        return tf.zeros([], tf.int64)

    @property
    def epoch(self) -> tf.Tensor:
        return self._epoch

    def each_portion(self, function, batch, kept=()):
        return function(batch, kept)

    def gradients(self, images, loss, batch, decay=True):
        count = sum(part.shape[0] for part in images.values())
        self.trained += count
        if count > self.largest:
            self.largest, self.early = count, self._early(images, loss)
        return Gradients([], {}, {}, tf.zeros([0]), tf.zeros([0, 0]))

    def _early(self, images: Mapping[str, tf.Tensor], loss: Loss) -> int:
        kinds = {kind: self._strategy.kinds.get(kind, kind) for kind in images}
        attacked = set(self._strategy.attacked_kinds)
        groups = mini_batches(kinds, self._answering.branches).values()
        apart = [kind for group in groups if attacked.isdisjoint(group) for kind in group]
        classes = self._answering.classes
        zeros = {kind: tf.zeros((part.shape[0], classes)) for kind, part in images.items()}
        shift = tf.range(classes, dtype=tf.float32)
        moved = {kind: x if kind in apart else x + shift for kind, x in zeros.items()}
        one, other = (_slopes(loss, logits, apart) for logits in (zeros, moved))
        alike = all(np.array_equal(*pair) for pair in zip(one, other, strict=True))
        return sum(images[kind].shape[0] for kind in apart) if alike else 0

    def gradients_by_images(self, images, loss, batch):
        zeros = {kind: tf.zeros_like(part) for kind, part in images.items()}
        return self.gradients(images, loss, batch), zeros

    def over_replicas(self, tensors):
        return list(tensors)

    def weights_at(self, variables, values):
        return contextlib.nullcontext()

    def teacher_logits(self, images, branch=None):
        self._answering.asked -= images.shape[0] / 2  # without a gradient: half as much
        return self._answering.logits_fn()(images)

    def update(self, gradients):
        pass


def _slopes(loss: Loss, logits: Mapping[str, tf.Tensor], kinds: Sequence[str]) -> list[tf.Tensor]:
    """Returns the gradients of a loss by the logits of some kinds."""
    watched = [logits[kind] for kind in kinds]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        total = loss(logits)
    return tape.gradient(total, watched, unconnected_gradients="zero")


class _Answering:
    """A model's stand-in that answers every attack alike, and counts the images that it sees."""

    def __init__(self, model: Trainable):
        self.branches = model.branches
        self.classes = model.classes
        self.asked = 0.0

    def logits_fn(self, *_) -> LogitsFn:
        """Returns the one answer: the classes by the images' brightness."""

        def logits(images: tf.Tensor) -> tf.Tensor:
            self.asked += images.shape[0]
            brightness = tf.reduce_mean(images, [1, 2, 3])[:, tf.newaxis]
            return brightness * tf.range(self.classes, dtype=tf.float32)

        return logits
