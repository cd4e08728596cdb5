"""What training draws: which images, mixed how, and what each counts."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation
from tfadv.data.mixing import Mixing, partners
from tfadv.data.order import Order


@dataclasses.dataclass(frozen=True)
class Drawing:
    """What training draws of a source.

    Attributes:
        order: the image of each example.
        images: M, of a pass: an image's partner is one of the M examples of its pass.
        seed: the run's seed.
        mixing: of images in pairs.
        class_weights: float32 [K], what images of each class count in the loss; None for 1.
        view: makes a second view of each image, as it is after all else; None for none.
    """

    order: Order
    images: int
    seed: int
    mixing: Mixing = dataclasses.field(default_factory=Mixing)
    class_weights: np.ndarray | None = None
    view: Augmentation | None = None

    def of_step(self, step: int, batch_size: int) -> np.ndarray:
        """Returns the images of a step, counted from 0, int64 [batch_size] in the batch's order."""
        return self.order(_examples(step, batch_size)).numpy()

    def partners(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the images that examples int64 [N] are mixed with, and the mixing's seeds."""
        seeds = randomness.example_seeds(self.seed, "mixing", index)
        return self.order(partners(index, seeds, self.images)), seeds

    def opened_in_step(self, step: int, batch_size: int) -> np.ndarray:
        """Returns all images that a step may open: its own, and then their partners, int64 [N]."""
        own = self.of_step(step, batch_size)
        if not self.mixing.is_on:
            return own
        return np.concatenate([own, self.partners(_examples(step, batch_size))[0].numpy()])

    def weights(self, targets: tf.Tensor) -> tf.Tensor:
        """Returns what examples count in the loss, float32 [...].

        Args:
            targets: the classes' shares of each, float32 [..., K].
        """
        return tf.reduce_sum(targets * self.class_weights, -1)


def class_weights(wanted: np.ndarray | None, shares: np.ndarray) -> np.ndarray:
    """Returns weights of classes whose mean over the examples of a run is 1, float32 [K].

    Args:
        wanted: positive weights by class up to a factor, [K]; None for those that let each
            class that occurs count the same, the inverses of the shares.
        shares: of the examples, by class, [K], which sum to 1.
    """
    if wanted is None:
        wanted = np.divide(1, shares, out=np.zeros(len(shares)), where=shares > 0)
    return np.float32(wanted / np.sum(wanted * shares))


def _examples(step, batch_size):
    return step * batch_size + tf.range(batch_size, dtype=tf.int64)
