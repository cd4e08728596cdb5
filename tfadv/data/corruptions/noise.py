"""Noise of `tfadv.data.corruptions`: images are float32 [H, W, C] in 0..1."""

import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import draw


def gaussian_noise(image: tf.Tensor, seed: tf.Tensor, deviation: float) -> tf.Tensor:
    """Adds normal noise, as low light does: ``x + σ·n``."""
    return image + deviation * normal(seed, "noise", image.shape)


def shot_noise(image: tf.Tensor, seed: tf.Tensor, photons: float) -> tf.Tensor:
    """Counts light as whole photons: ``Poisson(c·x)/c``, with c = `photons` where it is white."""
    seed = randomness.for_purpose(seed, "noise")
    counts = tf.random.stateless_poisson(image.shape, seed, image * photons, tf.float32)
    return counts / photons


def impulse_noise(image: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Turns a share of the values to 0 or 1, half of it each, as bit errors do."""
    noise = draw(seed, "noise", image.shape, 0, 1, tf.float32)
    salt = tf.cast(noise < share / 2, tf.float32)
    return tf.where(noise < share, salt, image)


def normal(seed: tf.Tensor, purpose: str, shape) -> tf.Tensor:
    """Draws standard normal values from the stream of a purpose."""
    seed = randomness.for_purpose(seed, purpose)
    return tf.random.stateless_normal(shape, seed, alg=randomness.ALGORITHM)
