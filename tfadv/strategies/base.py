"""What a training strategy is: which images are in the loss, and how."""

import abc
from collections.abc import Mapping

import tensorflow as tf

from tfadv.attacks.base import Attack
from tfadv.errors import UserError, check, nearest
from tfadv.losses import cross_entropy
from tfadv.norms.mode import ADV, CLEAN
from tfadv.strategies.network import Network


class Strategy(abc.ABC):
    """Base class of the strategies: which images are in the loss, and how.

    A strategy has any number of kinds of images, each of which takes one of any number
    of norm branches. Most have a branch for each kind, of its name, and say `branches`
    alone; `kinds` says more.

    Attributes:
        branches: names of the norm branches whose images are in the loss.

    Args:
        label_smoothing: of the loss of all kinds of images, but of the clean ones
            where the next is given (released pipeline: 0.1).
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    branches: tuple[str, ...] = (CLEAN, ADV)

    def __init__(self, label_smoothing: float = 0.1, clean_label_smoothing: float | None = None):
        name = type(self).__name__
        for parameter, value in (
            ("label_smoothing", label_smoothing),
            ("clean_label_smoothing", clean_label_smoothing),
        ):
            in_range = value is None or 0 <= value < 1
            check(in_range, f"{name}.{parameter}", "be in 0..1", value)
        if clean_label_smoothing is None:
            clean_label_smoothing = label_smoothing
        self.label_smoothing = label_smoothing
        self.clean_label_smoothing = clean_label_smoothing

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of images in the loss, and the norm branch that each takes."""
        return {branch: branch for branch in self.branches}

    @property
    def attacked_kinds(self) -> Mapping[str, str]:
        """Those of `kinds` whose images come of an attack: all but the clean ones."""
        return {kind: branch for kind, branch in self.kinds.items() if kind != CLEAN}

    @property
    def attacks(self) -> bool:
        """Whether the model is attacked in training."""
        return bool(self.attacked_kinds)

    def smoothing(self, kind: str) -> float:
        """Returns the label smoothing of a kind's loss."""
        return self.clean_label_smoothing if kind == CLEAN else self.label_smoothing

    def check_branches(self, norm_branches: tuple[str, ...]) -> None:
        """Raises `UserError` if a norm with branches lacks one of this strategy's."""
        missing = sorted(set(self.kinds.values()) - set(norm_branches))
        if len(norm_branches) > 1 and missing:
            raise UserError(
                f"Experiment.strategy trains the branch '{missing[0]}', but the norm has "
                f"{', '.join(norm_branches)}.{nearest(missing[0], norm_branches)}",
                "Experiment.strategy",
            )

    def trained_branches(self, norm_branches: tuple[str, ...]) -> tuple[str, ...]:
        """Returns those of a norm's branches that this strategy trains, in the norm's order."""
        if len(norm_branches) == 1:
            return norm_branches
        return tuple(branch for branch in norm_branches if branch in self.kinds.values())

    @abc.abstractmethod
    def training_images(
        self, network: Network, attack: Attack, images: tf.Tensor, labels: tf.Tensor, seeds
    ) -> dict[str, tf.Tensor]:
        """Returns the images of the loss, by kind; called outside any tape.

        Args:
            network: the model in this step.
            attack: makes adversarial images.
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N].
            seeds: int64 [N, 2], a stream for each example.

        Returns:
            For each kind, float32 [N_k, H, W, C]: the first N_k examples of the
            batch.
        """

    @abc.abstractmethod
    def loss(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor) -> tf.Tensor:
        """Returns the scalar loss of one replica's batch, a mean over its images.

        Args:
            logits: float32 [N_k, K] for each kind, of the first N_k examples.
            labels: int32 [N].
        """

    def branch_losses(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor):
        """Returns the smoothed cross-entropies [N_k] for each kind."""
        return {
            kind: cross_entropy(values, labels[: values.shape[0]], self.smoothing(kind))
            for kind, values in logits.items()
        }
