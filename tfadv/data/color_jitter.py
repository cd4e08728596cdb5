"""Random changes of brightness, contrast, saturation and hue."""

import functools

import tensorflow as tf

from tfadv.data.augmentation import Augmentation, draw
from tfadv.errors import check
from tfadv.pixels import PIXEL_RANGE
from tfadv.registry import AUGMENTATIONS


@AUGMENTATIONS.register("color_jitter", paper="Chen et al., 2020, appendix A")
class ColorJitter(Augmentation):
    """Changes colours in random order, each by a factor or an angle of its own.

    With factors f uniform in 1 ± amount, brightness is ``f·x``; contrast, ``f·x + (1 - f)·m``
    with m each channel's mean, and saturation are those of `tf.image`; the hue turns
    by up to ± `hue` of the circle. Each clips to 0..255.

    Args:
        brightness: amount in 0..1.
        contrast: amount in 0..1.
        saturation: amount in 0..1.
        hue: largest turn in 0..0.5.
    """

    channels = 3

    def __init__(
        self,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        hue: float = 0.1,
    ):
        for name, value, most in (
            ("brightness", brightness, 1),
            ("contrast", contrast, 1),
            ("saturation", saturation, 1),
            ("hue", hue, 0.5),
        ):
            check(0 <= value <= most, f"ColorJitter.{name}", f"be in 0..{most}", value)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        steps = self._steps
        if not steps:
            return image
        order = tf.argsort(draw(seed, "order", (len(steps),), 0.0, 1.0, tf.float32))
        amounts = [
            draw(seed, name, (), middle - amount, middle + amount, tf.float32)
            for name, (_, middle, amount) in steps.items()
        ]
        changed, shape = image, image.shape
        for place in range(len(steps)):
            changes = [
                functools.partial(change, changed, amount)
                for (change, _, _), amount in zip(steps.values(), amounts, strict=True)
            ]
            changed = tf.clip_by_value(tf.switch_case(order[place], changes), *PIXEL_RANGE)
        return tf.ensure_shape(changed, shape)

    @property
    def _steps(self):
        """What changes images, by name: a function, the middle and the amount of its argument."""
        steps = {
            "brightness": (tf.multiply, 1.0, self.brightness),
            "contrast": (tf.image.adjust_contrast, 1.0, self.contrast),
            "saturation": (_saturated, 1.0, self.saturation),
            "hue": (tf.image.adjust_hue, 0.0, self.hue),
        }
        return {name: step for name, step in steps.items() if step[2]}


def _saturated(image, factor):
    # Its conversion from and to HSV takes images in 0..1.
    largest = PIXEL_RANGE[1]
    return tf.image.adjust_saturation(image / largest, factor) * largest
