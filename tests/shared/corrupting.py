"""Images to corrupt, and one seed for all draws."""

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.corruptions.corrupted import CORRUPTIONS

SEED = randomness.example_seeds(0, "test", tf.constant([7]))[0]


def random_image(*shape, low=0, high=255):
    """Returns a float32 image of a shape, its pixels uniform."""
    values = np.random.default_rng(0).uniform(low, high, shape)
    return tf.constant(values, tf.float32)


def corrupt(kind, severity, image):
    """Returns an image as a registered corruption makes it."""
    return CORRUPTIONS[kind](tf.constant(image, tf.float32), severity, SEED).numpy()
