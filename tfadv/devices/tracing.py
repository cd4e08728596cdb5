"""How functions are traced."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def functions_opened() -> Iterator[None]:
    """Lets every ``tf.function`` that is called inside run as plain Python.

    Within a trace, what it computes becomes part of the graph that is traced: no calls are left
    that only TensorFlow can look into.
    """
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)
