"""Features [4, 5, 5, 6] for norm layers, and layers of the same random weights."""

import numpy as np
import tensorflow as tf

SHAPE = (None, 5, 5, 6)


def features(seed=0, rows=4):
    """Returns random features [rows, 5, 5, 6]."""
    values = np.random.default_rng(seed).normal(2, 3, (rows, 5, 5, 6))
    return tf.constant(values, tf.float32)


def built(layer):
    """Builds a layer and gives its variables random values in 0.5..2; returns it."""
    layer.build(SHAPE)
    random = np.random.default_rng(7)
    for variable in layer.variables:
        variable.assign(random.uniform(0.5, 2, variable.shape))
    return layer


def copy_weights(ours, theirs):
    """Builds both layers and gives them the same random weights and statistics."""
    built(ours)
    theirs.build(SHAPE)
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        if hasattr(ours, name):
            getattr(theirs, name).assign(getattr(ours, name))


def outputs_and_gradients(layer, x, **arguments):
    """Returns a layer's output and a loss's gradients by input, gamma and beta."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        weights = np.random.default_rng(3).normal(size=x.shape)
        loss = tf.reduce_sum(y * tf.constant(weights, tf.float32))
    return [y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])]
