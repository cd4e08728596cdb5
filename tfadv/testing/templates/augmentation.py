"""An augmentation to start from: a function of an image and its seed."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.data.augmentation import Augmentation, draw, mirrored_at_random
from tfadv.errors import check
from tfadv.registry import AUGMENTATIONS


@AUGMENTATIONS.register("{name}", paper="Authors, year")
class {part}(Augmentation):
    """Images darker or brighter at random, and mirrored or not.

    Args:
        most: of the change, a share of the brightness in 0..1.
    """

    def __init__(self, most: float = 0.2):
        check(0 <= most <= 1, "{part}.most", "be in 0..1", most)
        self.most = most

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image float32 [H, W, C] in 0..255; `seed`, int64 [2], is its own."""
        factor = draw(seed, "brightness", (), 1 - self.most, 1 + self.most, tf.float32)
        return mirrored_at_random(tf.clip_by_value(image * factor, 0.0, 255.0), seed)
'''
GIN = """# Training images as {name} changes them: an overlay for any recipe and scale.
import plugins.{name}
Experiment.augmentation = '{name}'
{part}.most = 0.2
"""
