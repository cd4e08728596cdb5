"""What a replica offers to a strategy during one step."""

import abc
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfadv.attacks.base import Attack
from tfadv.norms.base import Collected
from tfadv.strategies.batch import Batch
from tfadv.strategies.network import Network

Images = Mapping[str, tf.Tensor]
Loss = Callable[[Mapping[str, tf.Tensor]], tf.Tensor]


class Gradients(NamedTuple):
    """What a forward and a backward pass come to.

    Attributes:
        weights: of the loss by `Step.variables`, divided by the number of replicas: their
            sum over the replicas is the batch's.
        statistics: what the norms measured and are to write.
        metrics: scalars, the loss and the accuracy on the images of each kind.
        not_finite: float32 [T], of the images and logits of each kind, and the loss.
        by_image: float32 [T - 1, B], each image's part in the first T - 1 of these.
    """

    weights: list[tf.Tensor]
    statistics: Collected
    metrics: dict[str, tf.Tensor]
    not_finite: tf.Tensor
    by_image: tf.Tensor


class Step(abc.ABC):
    """One step on one replica, as it is traced: what a strategy makes its own step of.

    Attributes:
        attack: the run's, as it is in this epoch: a scheduled ε, N or α is a scalar tensor.
        attacks: those that the strategy names, by their specs, likewise.
        variables: those that are trained in this phase.
    """

    attack: Attack
    attacks: Mapping[str, Attack]
    variables: Sequence[keras.Variable]

    @property
    @abc.abstractmethod
    def network(self) -> Network:
        """The model in this phase, as it is after the latest update."""

    @property
    @abc.abstractmethod
    def number(self) -> tf.Tensor:
        """The step's number in the run, counted from 0, an int64 scalar."""

    @property
    @abc.abstractmethod
    def epoch(self) -> tf.Tensor:
        """Epochs done so far, with their fraction, a float32 scalar."""

    def attacked(
        self, batch: Batch, spec: str | None = None, branch: str | None = None
    ) -> tf.Tensor:
        """Returns the images of a micro-batch, attacked.

        Args:
            batch: the micro-batch.
            spec: one of `attacks`; None takes the run's.
            branch: that it sees; None takes that of the first attacked kind.
        """
        attack = self.attack if spec is None else self.attacks[spec]
        seeds = batch.seeds("attack" if spec is None else f"attack {spec}")
        view = self.network.attack_logits_fn(branch)
        return attack(view, batch.images, batch.labels_for(attack), seeds)

    @abc.abstractmethod
    def each_portion(
        self, function: Callable[[Batch, Any], tuple[Any, Any]], batch: Batch, kept: Any = ()
    ) -> tuple[Any, Any]:
        """Calls a function on each micro-batch, one after the other.

        Args:
            function: takes a micro-batch and its part of `kept`; returns tensors to average
                over the micro-batches, and some to keep for a later call.
            batch: the replica's share.
            kept: what an earlier call returned as such.

        Returns:
            The means, and what was kept: for `kept` alone, since its layout is this class's
            affair.
        """

    @abc.abstractmethod
    def gradients(self, images: Images, loss: Loss, batch: Batch, decay: bool = True) -> Gradients:
        """Runs one forward and backward on the images of every kind.

        Args:
            images: float32 [N_k, H, W, C] for each kind, of the first N_k examples.
            loss: maps logits [N_k, K] by kind to a scalar, a mean over images.
            batch: the micro-batch that the images are of. Its weights, if it has some, multiply
                the images' gradients; the loss is reported without.
            decay: whether weight decay is part of the loss.
        """

    @abc.abstractmethod
    def gradients_by_images(
        self, images: Images, loss: Loss, batch: Batch
    ) -> tuple[Gradients, dict[str, tf.Tensor]]:
        """Returns what `gradients` does, and the loss's gradients by the images of each kind."""

    @abc.abstractmethod
    def over_replicas(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns sums over the replicas; outside of `each_portion`."""

    @abc.abstractmethod
    def weights_at(
        self, variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]
    ) -> contextlib.AbstractContextManager:
        """Returns a context in which the model's variables have other values.

        No variable is written. `gradients` there are by the values; what was prepared
        before, such as `network`'s view for attacks, stays.
        """

    @abc.abstractmethod
    def teacher_logits(self, images: tf.Tensor, branch: str | None = None) -> tf.Tensor:
        """Returns the logits [N, K] of the weights' moving average, by running statistics.

        No gradient flows through them. The strategy says `needs_average`.
        """

    @abc.abstractmethod
    def update(self, gradients: Gradients) -> None:
        """Updates weights and running statistics; outside of `each_portion`.

        However often it is called, the step counts as one: so do the learning rate's and
        the optimizer's.
        """
