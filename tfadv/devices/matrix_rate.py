"""How fast this machine multiplies matrices: what anything else is measured by."""

import time

import tensorflow as tf

from tfadv.devices.local import has_accelerator

# Large enough for the rate to be that of larger ones.
_ROWS, _ROWS_OF_ACCELERATOR = 2048, 8192
_LEAST_REPEATS, _SECONDS = 3, 0.5


def matrix_product_rate(dtype: str, devices: int = 1) -> float:
    """Returns the operations a second of a product of two large square matrices.

    A multiplication and an addition are two; the fastest of a few counts.

    Args:
        dtype: of the matrices.
        devices: how many accelerators alike do one each; the logical devices of a CPU share it.
    """
    accelerated = has_accelerator()
    rows = _ROWS_OF_ACCELERATOR if accelerated else _ROWS
    matrix = tf.ones((rows, rows), dtype)

    @tf.function(autograph=False)
    def corner(x, y):
        return (x @ y)[0, 0]  # comes back when the product is done

    corner(matrix, matrix).numpy()
    best, repeats, began = float("inf"), 0, time.perf_counter()
    while repeats < _LEAST_REPEATS or time.perf_counter() - began < _SECONDS:
        start = time.perf_counter()
        corner(matrix, matrix).numpy()
        best, repeats = min(best, time.perf_counter() - start), repeats + 1
    return 2 * rows**3 / best * (devices if accelerated else 1)
