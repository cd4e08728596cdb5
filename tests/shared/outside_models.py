"""Models as others save them, small enough to compute in NumPy."""

import numpy as np
import tensorflow as tf

RANDOM = np.random.default_rng(0)


def weights(pixels, classes):
    """Returns random weights float32 [pixels, classes] under which logits are about 1."""
    return RANDOM.normal(0, 0.3, (pixels, classes)).astype("float32")


class Linear(tf.Module):
    """The sine of flat images times some weights: smooth, and no multiple of itself.

    Args:
        w: float32 [pixels, classes].
        after: what becomes of the logits before they are returned.
    """

    def __init__(self, w, after=lambda logits: logits):
        super().__init__()
        self.w = tf.Variable(w)
        self.after = after

    @tf.function(autograph=False)
    def __call__(self, images):
        x = tf.cast(images, tf.float32)
        return self.after(tf.sin(tf.reshape(x, [-1, self.w.shape[0]])) @ self.w)


def expected_logits(x, w):
    """Returns the logits of a `Linear` in NumPy, of images as it takes them."""
    return np.sin(np.reshape(x, [-1, w.shape[0]]).astype("float64")) @ w


def save(model, path, shape, dtype=tf.float32, *, signature=True):
    """Writes a SavedModel that takes tensors of a shape, with or without a signature."""
    spec = tf.TensorSpec(shape, dtype, "images")
    concrete = model.__call__.get_concrete_function(spec)
    tf.saved_model.save(model, str(path), signatures=concrete if signature else None)
    return path


def numeric_gradient(function, images, step=0.5):
    """Returns the central differences of a sum over `function`, by each pixel of one image."""
    found = np.zeros(images.size)
    for number in range(images.size):
        up, down = (images.astype("float64").ravel() for _ in range(2))
        up[number] += step
        down[number] -= step
        rise = function(up.reshape(images.shape)) - function(down.reshape(images.shape))
        found[number] = np.sum(rise) / (2 * step)
    return found.reshape(images.shape)
