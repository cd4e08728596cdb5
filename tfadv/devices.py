"""What the process computes on."""

import tensorflow as tf


def has_accelerator() -> bool:
    """Returns whether there is a GPU or a TPU; each runs best what XLA compiles whole."""
    return bool(tf.config.list_logical_devices("GPU") + tf.config.list_logical_devices("TPU"))
