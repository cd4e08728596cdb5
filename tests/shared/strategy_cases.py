"""What a strategy makes of a few images, and logits of which it makes a loss."""

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.pgd import PGD

# Two clean images kept of four, in two classes.
LOGITS = {
    "clean": np.array([[1, 0], [2, 1]], np.float32),
    "adv": np.array([[0, 1], [3, 1], [1, 1], [0, 2]], np.float32),
}
LABELS = tf.constant([0, 1, 1, 0])


def training_images(strategy, network, images, labels):
    """Returns the images of each kind, attacked by two steps of PGD."""
    seeds = randomness.example_seeds(0, "attack", tf.range(len(images)))
    return strategy.training_images(network, PGD(8, 2, 4.0), images, labels, seeds)
