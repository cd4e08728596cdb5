"""What a strategy is given in one step: a replica's images, and what they show."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.base import Attack
from tfadv.losses import likeliest


@dataclasses.dataclass(frozen=True)
class Batch:
    """A replica's share of a batch, or a micro-batch of it.

    Attributes:
        images: float32 [N, H, W, C] in 0..255.
        labels: int32 [N]; of soft labels the class with the largest share.
        index: int64 [N], the global numbers of the examples in the run.
        run_seed: of the run.
        targets: soft labels, float32 [N, K] whose rows sum to 1, where there are some.
        weights: float32 [N] by which an image's terms of the loss are multiplied, such as
            its class's, where there are some.
        view: float32 [N, H, W, C], a second view of each image, where the strategy wants one.
    """

    images: tf.Tensor
    labels: tf.Tensor
    index: tf.Tensor
    run_seed: int
    targets: tf.Tensor | None = None
    weights: tf.Tensor | None = None
    view: tf.Tensor | None = None

    @classmethod
    def of(cls, given: Mapping[str, tf.Tensor], run_seed: int) -> "Batch":
        """Returns what a pipeline gives.

        Args:
            given: ``image`` of any dtype, ``label`` and ``index``, and where there are some
                ``target``, ``weight`` and ``view``.
            run_seed: of the run.
        """
        images = tf.cast(given["image"], tf.float32)
        targets, weights = given.get("target"), given.get("weight")
        labels = given["label"] if targets is None else likeliest(targets)
        return cls(images, labels, given["index"], run_seed, targets, weights, given.get("view"))

    @property
    def truth(self) -> tf.Tensor:
        """What losses compare with: the soft labels [N, K] if there are some, else the labels."""
        return self.labels if self.targets is None else self.targets

    def labels_for(self, attack: Attack) -> tf.Tensor:
        """Returns the soft labels if there are some and an attack takes them, else the labels."""
        return self.truth if attack.takes_soft_labels else self.labels

    def seeds(self, purpose: str) -> tf.Tensor:
        """Returns int64 [N, 2], a stream for each example; see `randomness`."""
        return randomness.example_seeds(self.run_seed, purpose, self.index)

    @property
    def tensors(self) -> dict[str, tf.Tensor]:
        """The tensors by their attributes' names."""
        names = ("images", "labels", "index", "targets", "weights", "view")
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def replaced(self, tensors: Mapping[str, tf.Tensor]) -> "Batch":
        """Returns a batch of other tensors, named as in `tensors`."""
        return dataclasses.replace(self, **tensors)

    def portion(self, number: tf.Tensor | int, count: int) -> "Batch":
        """Returns micro-batch `number` of `count`: the images number, number + count, …"""
        if count == 1:
            return self
        parts = {
            name: tf.gather(
                tf.reshape(v, [v.shape[0] // count, count, *v.shape[1:]]), number, axis=1
            )
            for name, v in self.tensors.items()
        }
        return self.replaced(parts)
