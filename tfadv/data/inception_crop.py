"""The released pipeline's augmentation of ImageNet."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation, draw, mirrored_at_random
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


@AUGMENTATIONS.register("inception_crop", paper="Szegedy et al., 2015")
class InceptionCrop(Augmentation):
    """A random crop of any size and shape, colour jitter in random order, and a flip.

    The crop is resized by bicubic interpolation. Brightness, contrast (about
    the image's mean colour), saturation and lighting each clip to 0..255.

    Args:
        image_size: height and width of the result in pixels.
        area: least and largest share of the image's area in a crop.
        aspect_ratio: least and largest width over height of a crop.
        jitter: brightness, contrast and saturation change by a factor in
            1 ± jitter; 0 for none.
        lighting: standard deviation of the noise along the principal
            components of ImageNet's colours (AlexNet's); 0 for none.
        flip: whether to mirror left and right with probability 1/2.
    """

    takes_original = True

    def __init__(
        self,
        image_size: int,
        area: tuple[float, float] = (0.08, 1.0),
        aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        jitter: float = 0.4,
        lighting: float = 0.1,
        flip: bool = True,
    ):
        check(image_size > 0, "InceptionCrop.image_size", "be > 0", image_size)
        ordered = len(area) == 2 and 0 < area[0] <= area[1] <= 1
        check(ordered, "InceptionCrop.area", "be (least, largest) in 0..1", area)
        ordered = len(aspect_ratio) == 2 and 0 < aspect_ratio[0] <= aspect_ratio[1]
        check(ordered, "InceptionCrop.aspect_ratio", "be (least, largest) > 0", aspect_ratio)
        check(0 <= jitter <= 1, "InceptionCrop.jitter", "be in 0..1", jitter)
        check(lighting >= 0, "InceptionCrop.lighting", "be >= 0", lighting)
        self.image_size = image_size
        self.area = tuple(area)
        self.aspect_ratio = tuple(aspect_ratio)
        self.jitter = jitter
        self.lighting = lighting
        self.flip = flip

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        image = self._colour_jitter(self._crop(image, seed), seed)
        return mirrored_at_random(image, seed) if self.flip else image

    def _crop(self, image, seed):
        corner, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros([0, 0, 4]),
            randomness.for_purpose(seed, "crop"),
            aspect_ratio_range=self.aspect_ratio,
            area_range=self.area,
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        crop = tf.slice(image, corner, size)
        resized = tf.image.resize(crop, (self.image_size, self.image_size), "bicubic")
        return _clip(tf.ensure_shape(resized, (self.image_size, self.image_size, 3)))

    def _colour_jitter(self, image, seed):
        changes: list[Callable[[tf.Tensor], tf.Tensor]] = []
        if self.jitter:
            low, high = 1 - self.jitter, 1 + self.jitter
            brightness, contrast, saturation = tf.unstack(
                draw(seed, "jitter", (3,), low, high, tf.float32)
            )
            changes += [
                lambda x: x * brightness,
                lambda x: _mix(x, tf.reduce_mean(x, [0, 1]), contrast),
                lambda x: _mix(x, tf.tensordot(x, GREY, 1)[..., None], saturation),
            ]
        if self.lighting:
            noise = tf.random.stateless_normal(
                (3,), randomness.for_purpose(seed, "lighting"), alg=randomness.ALGORITHM
            )
            shift = tf.linalg.matvec(COMPONENTS, noise * self.lighting * DEVIATIONS)
            changes.append(lambda x: x + shift)
        if not changes:
            return image
        order = tf.argsort(draw(seed, "order", (len(changes),), 0, 1, tf.float32))
        for place in range(len(changes)):
            image = _clip(
                tf.switch_case(
                    order[place], [functools.partial(change, image) for change in changes]
                )
            )
        return image


def _mix(x, other, share):
    return x * share + other * (1 - share)


def _clip(image):
    return tf.clip_by_value(image, 0.0, 255.0)
