"""The released pipeline's augmentation of ImageNet."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation, draw, mirrored_at_random
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import sides
from tfadv.errors import check
from tfadv.registry import AUGMENTATIONS

# Weights of red, green and blue in grey (ITU-R BT.601).
GREY = (0.299, 0.587, 0.114)
# Principal components of ImageNet's RGB pixels and their deviations, as fb.resnet.torch
# publishes them (Krizhevsky et al., 2012, describe their use).
DEVIATIONS = np.array([0.2175, 0.0188, 0.0045], np.float32) * 255
COMPONENTS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
    np.float32,
)
# How often a crop that doesn't fit is drawn again.
ATTEMPTS = 10

Step = Callable[[tf.Tensor], tf.Tensor]


@AUGMENTATIONS.register("inception_crop", paper="Szegedy et al., 2015")
class InceptionCrop(Augmentation):
    """A random crop of any size and shape, colour jitter in random order, and a flip.

    The defaults are those of the released pipeline (TensorPack's
    ``GoogleNetRandomCropAndResize``, OpenCV's resize, and uint8 images throughout).
    A crop has the sides ``√(A/r)`` and ``√(A·r)``, with the area A and the ratio r uniform
    in their ranges; which one is the height is the toss of a coin. A crop that does not
    fit into the image is drawn again, ten times in all; then the centre is taken. With
    factors f uniform in 1 ± jitter, brightness is ``f·x``, contrast ``f·x + (1 - f)·m``
    (m the mean colour), saturation ``f·x + (1 - f)·grey(x)``, and lighting ``x + V·(n∘σ)``:
    V and σ are the principal components of ImageNet's colours, n is normal noise
    (Krizhevsky et al., 2012, section 4.1). Each clips to 0..255.

    Args:
        image_size: height and width of the result in pixels.
        area: least and largest share of the image's area in a crop.
        aspect_ratio: least and largest ratio of a crop's sides.
        cubic_a: a of the cubic kernel that resizes; see `Bicubic`.
        whole_pixels: whether images are whole pixels all along, as in uint8: resizing
            rounds to the nearest, each change of colours drops the fraction.
        jitter: brightness, contrast and saturation change by a factor in
            1 ± jitter; 0 for none.
        lighting: standard deviation of n (AlexNet: 0.1); 0 for none.
        flip: whether to mirror left and right with probability 1/2.
    """

    takes_original = True

    def __init__(
        self,
        image_size: int,
        area: tuple[float, float] = (0.08, 1.0),
        aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        cubic_a: float = -0.75,
        whole_pixels: bool = True,
        jitter: float = 0.4,
        lighting: float = 0.1,
        flip: bool = True,
    ):
        check(image_size > 0, "InceptionCrop.image_size", "be > 0", image_size)
        ordered = len(area) == 2 and 0 < area[0] <= area[1] <= 1
        check(ordered, "InceptionCrop.area", "be (least, largest) in 0..1", area)
        ordered = len(aspect_ratio) == 2 and 0 < aspect_ratio[0] <= aspect_ratio[1]
        check(ordered, "InceptionCrop.aspect_ratio", "be (least, largest) > 0", aspect_ratio)
        check(-1 <= cubic_a <= 0, "InceptionCrop.cubic_a", "be in -1..0", cubic_a)
        check(0 <= jitter <= 1, "InceptionCrop.jitter", "be in 0..1", jitter)
        check(lighting >= 0, "InceptionCrop.lighting", "be >= 0", lighting)
        self.image_size = image_size
        self.area = tuple(area)
        self.aspect_ratio = tuple(aspect_ratio)
        self.bicubic = Bicubic(cubic_a, antialias=False, whole_pixels=whole_pixels)
        self.jitter = jitter
        self.lighting = lighting
        self.flip = flip
        self.channels = len(GREY) if jitter or lighting else None  # colours are changed

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        image = self._colour_jitter(self._resized_crop(image, seed), seed)
        return mirrored_at_random(image, seed) if self.flip else image

    def crop(self, shape: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Draws a crop of an image.

        Args:
            shape: int32 [2], the image's height and width.
            seed: int64 [2], this example's stream.

        Returns:
            The crop's first row and column and its height and width, int32 [2] each,
            and whether any attempt fitted: if not, the crop is the whole image, whose
            centre is to be taken.
        """
        whole = tf.cast(shape, tf.float64)
        share, ratio, toss, row, column = tf.unstack(
            tf.cast(draw(seed, "crop", (5, ATTEMPTS), 0, 1, tf.float32), tf.float64)
        )
        area = _between(self.area, share) * tf.reduce_prod(whole)
        ratio = _between(self.aspect_ratio, ratio)
        # Rows are sizes, columns attempts.
        size = tf.stack([tf.sqrt(area / ratio), tf.sqrt(area * ratio)])
        size = tf.maximum(tf.floor(tf.where(toss < 0.5, size, size[::-1]) + 0.5), 1)
        fits = tf.reduce_all(size <= whole[:, None], 0)
        fitting, any_fits = tf.argmax(fits), tf.reduce_any(fits)
        size = tf.where(any_fits, size[:, fitting], whole)
        # The released pipeline's draw leaves out the last place; so do the fractions < 1.
        corner = tf.floor(tf.stack([row[fitting], column[fitting]]) * (whole - size))
        return tf.cast(corner, tf.int32), tf.cast(size, tf.int32), any_fits

    def _resized_crop(self, image, seed):
        corner, size, fits = self.crop(tf.shape(image)[:2], seed)
        channels = image.shape[-1]
        part = tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([size, [channels]], 0))
        square = tf.fill([2], self.image_size)
        resized = tf.where(fits, square, sides(size, self.image_size))
        window = (self.image_size, self.image_size)
        return self.bicubic(part, resized, (resized - square) // 2, window)

    def _colour_jitter(self, image, seed):
        steps = self._steps(seed)
        if not steps:
            return image
        order = tf.argsort(draw(seed, "order", (len(steps),), 0, 1, tf.float32))
        # Rows of pixels: a colour is broadcast along them a few times as fast.
        rows = tf.reshape(image, [image.shape[0], -1])
        for place in range(len(steps)):
            rows = tf.switch_case(order[place], [functools.partial(step, rows) for step in steps])
            rows = tf.clip_by_value(rows, 0.0, 255.0)
            if self.bicubic.whole_pixels:
                rows = tf.floor(rows)
        return tf.reshape(rows, image.shape)

    def _steps(self, seed: tf.Tensor) -> list[Step]:
        """Returns what changes the colours of rows, float32 [H, W * 3]."""
        steps: list[Step] = []
        if self.jitter:
            low, high = 1 - self.jitter, 1 + self.jitter
            brightness, contrast, saturation = tf.unstack(
                draw(seed, "jitter", (3,), low, high, tf.float32)
            )
            steps += [
                lambda x: x * brightness,
                lambda x: _mix(x, _along(x, _mean_colour(x)), contrast),
                lambda x: _mix(x, self._grey(x), saturation),
            ]
        if self.lighting:
            noise = tf.random.stateless_normal(
                (3,), randomness.for_purpose(seed, "lighting"), alg=randomness.ALGORITHM
            )
            shift = tf.linalg.matvec(COMPONENTS, noise * self.lighting * DEVIATIONS)
            steps.append(lambda x: x + _along(x, shift))
        return steps

    def _grey(self, rows):
        grey = tf.reshape(rows, [-1, 3]) @ tf.repeat(tf.constant(GREY)[:, None], 3, 1)
        return tf.reshape(tf.round(grey) if self.bicubic.whole_pixels else grey, rows.shape)


def _between(ends, share):
    return ends[0] + (ends[1] - ends[0]) * share


def _mean_colour(rows):
    return tf.reduce_mean(tf.reshape(tf.reduce_mean(rows, 0), [-1, 3]), 0)


def _along(rows, colour):
    return tf.tile(colour, [rows.shape[1] // 3])


def _mix(x, other, share):
    return x * share + other * (1 - share)
