"""A network, six images and their seeds, for tests of one attack after the other."""

import numpy as np
import tensorflow as tf

from shared.tiny_networks import perceptron
from tfadv import randomness

SHAPE, CLASSES = (6, 4, 4, 3), 5
PIXELS = 48
network = perceptron(PIXELS, CLASSES)
# Many pixels at 0 and at 255.
IMAGES = np.clip(np.random.default_rng(1).uniform(-60, 315, SHAPE), 0, 255).astype("float32")
# What the network says of them.
PREDICTED = np.argmax(network(IMAGES), -1).astype("int32")
SEEDS = randomness.example_seeds(0, "attack", tf.range(6))


def attacked(attack, logits_fn=network, images=IMAGES, labels=PREDICTED, rows=slice(None)):
    """Returns the images [N, 4, 4, 3] that an attack makes of some rows."""
    labels = tf.constant(labels[rows], tf.int32)
    return attack(logits_fn, tf.constant(images[rows]), labels, SEEDS[rows]).numpy()


def loss_and_gradient(loss, images):
    """Returns a loss [N] of the network's logits, and its gradient by the images."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(network(x))
    return value.numpy(), tape.gradient(value, x).numpy()


def misclassified(images, labels=PREDICTED, logits_fn=network):
    """Returns which images the network gives another class than their label [N]."""
    return np.argmax(logits_fn(images), -1) != labels
