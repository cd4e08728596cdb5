"""The released pipeline's augmentation of ImageNet."""

import copy
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation
from tfadv.data.bicubic import Bicubic, Crops, Resizing
from tfadv.data.centre_square import sides
from tfadv.data.stored_image import DecodedImage, StoredImage
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
# Of each image: of its crop, factors, order, noise and flip.
_DRAWS = (5 * ATTEMPTS, 3, 4, 3, 1)

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, float], tf.Tensor]


class CropPlan(NamedTuple):
    """What is drawn for some images.

    Attributes:
        resizing: of the crops, mirrored or not.
        order: in which colours are changed, int32 [N, max(steps, 1)].
        factors: of these steps, in this order, of the same shape in float32.
        shift: what lighting adds to each colour, float32 [N, 3].
    """

    resizing: Resizing
    order: tf.Tensor
    factors: tf.Tensor
    shift: tf.Tensor


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
        return tf.cast(self.augment(DecodedImage(image), seed), tf.float32)

    def at_size(self, size: int) -> "InceptionCrop":
        """Returns the same crops, resized to another size."""
        found = copy.copy(self)
        found.image_size = size
        return found

    def plan(self, shapes: tf.Tensor, seeds: tf.Tensor) -> CropPlan:
        """Draws crops, changes of colours and flips; see `Augmentation.plan`."""
        crop, jitter, order, noise, flip = tf.split(
            randomness.uniform_at(seeds, 0, sum(_DRAWS)), _DRAWS, 1
        )
        crops, fits = self.crop(shapes, crop)
        square = tf.fill([2], self.image_size)
        resized = tf.where(fits[:, tf.newaxis], square, sides(crops.size, self.image_size))
        mirrored = flip[:, 0] < 0.5 if self.flip else None
        corner = (resized - square) // 2
        resizing = self.bicubic.plan(crops, resized, corner, self._window, mirrored)
        factors = _between((1 - self.jitter, 1 + self.jitter), jitter)
        # In the middle of its interval, so that none is infinite.
        normal = tf.math.ndtri(noise + 2**-25)
        shift = tf.matmul(normal * self.lighting * DEVIATIONS, COMPONENTS, transpose_b=True)
        # At least one: TensorFlow dies of rows that hold nothing.
        order = tf.argsort(order[:, : max(len(self._steps), 1)])
        factors = tf.gather(tf.pad(factors, [[0, 0], [0, 1]]), order, batch_dims=1)
        return CropPlan(resizing, order, factors, shift)

    def apply(self, image: StoredImage, plan: CropPlan) -> tf.Tensor:
        """Augments one image, of which the crop alone is decoded; see `Augmentation.apply`."""
        image = self.bicubic.apply(image, plan.resizing, self._window)
        image = self._colour_jitter(image, plan)
        # A quarter of the bytes to batch, to keep and to send to the devices.
        return tf.cast(image, tf.uint8) if self.bicubic.whole_pixels else image

    def crop(self, shapes: tf.Tensor, draws: tf.Tensor) -> tuple[Crops, tf.Tensor]:
        """Returns crops of images.

        Args:
            shapes: int32 [N, 2], the images' heights and widths.
            draws: float32 [N, 5 * ATTEMPTS], uniform in 0..1.

        Returns:
            The crops, and whether any attempt fitted, bool [N]: if not, the crop is the whole
            image, whose centre is to be taken.
        """
        whole = tf.cast(shapes, tf.float64)
        draws = tf.reshape(tf.cast(draws, tf.float64), [-1, 5, ATTEMPTS])
        share, ratio, toss = tf.unstack(draws[:, :3], axis=1)
        area = _between(self.area, share) * tf.reduce_prod(whole, 1, keepdims=True)
        ratio = _between(self.aspect_ratio, ratio)
        # [N, 2, attempts]
        size = tf.stack([tf.sqrt(area / ratio), tf.sqrt(area * ratio)], 1)
        size = tf.where(toss[:, tf.newaxis] < 0.5, size, size[:, ::-1])
        size = tf.maximum(tf.floor(size + 0.5), 1)
        fits = tf.reduce_all(size <= whole[..., tf.newaxis], 1)
        fitting, any_fits = tf.argmax(fits, 1), tf.reduce_any(fits, 1)
        size, place = (
            tf.gather(values, fitting, axis=2, batch_dims=1) for values in (size, draws[:, 3:])
        )
        size = tf.where(any_fits[:, tf.newaxis], size, whole)
        # The released pipeline's draw leaves out the last place; so do the fractions < 1.
        corner = tf.floor(place * (whole - size))
        return Crops(shapes, tf.cast(corner, tf.int32), tf.cast(size, tf.int32)), any_fits

    @property
    def _window(self) -> tuple[int, int]:
        return self.image_size, self.image_size

    @property
    def _steps(self) -> tuple[Step, ...]:
        """What changes colours, each a function of rows, its factor, the shift and `below`."""
        jitter = (_brightness, _contrast, self._saturation) if self.jitter else ()
        return jitter + ((_lighting,) if self.lighting else ())

    def _colour_jitter(self, image, plan):
        # Rows of pixels: a colour is broadcast along them a few times as fast.
        rows = tf.reshape(image, [self.image_size, -1])
        # To the nearest whole pixel from half a level below is the same as to drop the fraction.
        below = 0.5 if self.bicubic.whole_pixels else 0.0
        shift = tf.tile(plan.shift - below, [self.image_size])
        for place in range(len(self._steps)):
            given = (rows, plan.factors[place], shift, below)
            changes = [functools.partial(step, *given) for step in self._steps]
            rows = self.bicubic.finished(tf.switch_case(plan.order[place], changes))
        return tf.reshape(rows, image.shape)

    def _saturation(self, rows, factor, _, below):
        # Four pixels at once: products with matrices of three columns take half as long again.
        pixels = math.gcd(rows.shape.num_elements() // 3, 4)
        weights = np.kron(np.eye(pixels), np.repeat(np.array(GREY)[:, None], 3, 1))
        grey = tf.reshape(rows, [-1, 3 * pixels]) @ tf.constant(weights, tf.float32)
        grey = tf.round(grey) if self.bicubic.whole_pixels else grey
        return rows * factor + (tf.reshape(grey, rows.shape) * (1 - factor) - below)


def _brightness(rows, factor, _, below):
    return rows * factor - below


def _contrast(rows, factor, _, below):
    # Of whole pixels the sums are exact, in whatever order.
    sums = tf.reduce_sum(tf.reshape(tf.reduce_sum(rows, 0), [-1, 3]), 0)
    mean = sums / (rows.shape.num_elements() // 3)
    return rows * factor + tf.tile(mean * (1 - factor) - below, [rows.shape[1] // 3])


def _lighting(rows, _, shift, __):
    return rows + shift


def _between(ends, share):
    return ends[0] + (ends[1] - ends[0]) * share
