"""Norms of six channels, compared with those of Keras."""

import numpy as np
import tensorflow as tf

from tfadv import config  # noqa: F401  (experiment registers all parts)


def images(seed=0, channels=6):
    return tf.constant(np.random.default_rng(seed).normal(2, 3, (4, 5, 5, channels)), tf.float32)


def randomize(layer):
    random = np.random.default_rng(7)
    for variable in layer.variables:
        variable.assign(random.uniform(0.5, 2, variable.shape))


def same_weights(ours, theirs):
    ours.build((None, 5, 5, 6))
    theirs.build((None, 5, 5, 6))
    randomize(ours)
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        if hasattr(ours, name):
            getattr(theirs, name).assign(getattr(ours, name))


def outputs_and_gradients(layer, x, **arguments):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        weights = np.random.default_rng(3).normal(size=x.shape)
        loss = tf.reduce_sum(y * tf.constant(weights, tf.float32))
    return [y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])]
