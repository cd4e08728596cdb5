"""Random erasing of a rectangle."""

import tensorflow as tf

from tfadv.data.augmentation import Augmentation, draw
from tfadv.errors import check
from tfadv.pixels import PIXEL_RANGE
from tfadv.registry import AUGMENTATIONS

# How often a rectangle that doesn't fit is drawn again; the paper's loop has no end.
ATTEMPTS = 32


@AUGMENTATIONS.register("random_erasing", paper="Zhong et al., 2020, algorithm 1")
class RandomErasing(Augmentation):
    """Overwrites a rectangle of any place, area and shape.

    Its area is S times the image's A and its height over its width is r, both uniform; its sides
    are ``√(S·A·r)`` and ``√(S·A/r)``, its corner any pixel. One that doesn't fit into the
    image is drawn again; where none of `ATTEMPTS` fits, the image stays. The defaults are the
    paper's.

    Args:
        probability: of an image to be erased in.
        area: least and largest S.
        least_ratio: r is uniform from it to its inverse.
        fill: of the rectangle, in 0..255; None draws each pixel uniformly.
    """

    def __init__(
        self,
        probability: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        least_ratio: float = 0.3,
        fill: float | None = None,
    ):
        check(0 <= probability <= 1, "RandomErasing.probability", "be in 0..1", probability)
        ordered = len(area) == 2 and 0 < area[0] <= area[1] <= 1
        check(ordered, "RandomErasing.area", "be (least, largest) in 0..1", area)
        check(0 < least_ratio <= 1, "RandomErasing.least_ratio", "be in 0..1", least_ratio)
        inside = fill is None or PIXEL_RANGE[0] <= fill <= PIXEL_RANGE[1]
        check(inside, "RandomErasing.fill", "be None or in 0..255", fill)
        self.probability = probability
        self.area = tuple(area)
        self.least_ratio = least_ratio
        self.fill = fill

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        corner, size, fits = self.rectangle(tf.shape(image)[:2], seed)
        erases = fits & (draw(seed, "erases", (), 0.0, 1.0, tf.float32) < self.probability)
        if self.fill is None:
            fill = draw(seed, "fill", tf.shape(image), *PIXEL_RANGE, tf.float32)
        else:
            fill = tf.fill(tf.shape(image), self.fill)
        erased = tf.where(inside(tf.shape(image)[:2], corner, size), fill, image)
        return tf.ensure_shape(tf.where(erases, erased, image), image.shape)

    def rectangle(
        self, sides: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Draws what is erased.

        Args:
            sides: height and width of the image, int32 [2].
            seed: int64 [2].

        Returns:
            The corner and the size, int32 [2] each, and whether it fits, a bool scalar.
        """
        whole = tf.cast(sides, tf.float32)
        share, ratio, *place = (
            draw(seed, purpose, (ATTEMPTS,), low, high, tf.float32)
            for purpose, low, high in (
                ("area", *self.area),
                ("ratio", self.least_ratio, 1 / self.least_ratio),
                ("row", 0.0, 1.0),
                ("column", 0.0, 1.0),
            )
        )
        area = share * tf.reduce_prod(whole)
        sizes = tf.round(tf.stack([tf.sqrt(area * ratio), tf.sqrt(area / ratio)], 1))
        corners = tf.floor(tf.stack(place, 1) * whole)
        fit = tf.reduce_all((sizes >= 1) & (corners + sizes <= whole), 1)
        first = tf.argmax(fit)
        corner, size = (tf.cast(values[first], tf.int32) for values in (corners, sizes))
        return corner, size, tf.reduce_any(fit)


def inside(sides: tf.Tensor, corner: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns which pixels are in a rectangle, bool [H, W, 1].

    Args:
        sides: height and width of the image, int32 [2].
        corner: the rectangle's first row and column, int32 [2].
        size: its height and width, int32 [2].
    """
    rows, columns = (
        (tf.range(sides[axis]) >= corner[axis])
        & (tf.range(sides[axis]) < corner[axis] + size[axis])
        for axis in (0, 1)
    )
    return (rows[:, tf.newaxis] & columns)[..., tf.newaxis]
