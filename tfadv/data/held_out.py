"""Training images that are held out, to evaluate on."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfadv.data.permutation import permuted
from tfadv.data.selected import SelectedImages
from tfadv.data.source import Splits
from tfadv.errors import UserError, check
from tfadv.randomness import check_seed
from tfadv.registry import configurable


@configurable
@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Training images to evaluate on in place of the test images, which nothing then sees.

    Attributes:
        images: how many; 0 holds none out.
        seed: draws them, whatever the run's own seed is.
    """

    images: int = 0
    seed: int = 0

    def __post_init__(self):
        check(self.images >= 0, "HeldOut.images", "be >= 0", self.images)
        check_seed("HeldOut.seed", self.seed)

    def apply(self, splits: Splits) -> Splits:
        """Returns the splits of which the second is of held-out images.

        Raises:
            UserError: none would be left to train on.
        """
        if not self.images:
            return splits
        train, _ = splits
        rule = f"be < {len(train)}, the number of training images"
        check(self.images < len(train), "HeldOut.images", rule, self.images)
        places = tf.range(len(train), dtype=tf.int64)
        order = permuted(places, len(train), self.seed, "held out", 0).numpy()
        held, rest = np.sort(order[: self.images]), np.sort(order[self.images :])
        try:
            return Splits(
                SelectedImages(train, rest, f"{train.name} without {len(held):,} held out"),
                SelectedImages(train, held, f"{len(held):,} held out of {train.name}"),
            )
        except UserError as error:
            raise UserError(error.message, "HeldOut.images") from error
