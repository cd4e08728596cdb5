"""The least an attack step could take: its convolutions alone, and the matrix products' rate."""

import functools
import time
from collections import Counter

import tensorflow as tf

from benchmarks.cases import Case
from tfadv.devices.matrix_rate import matrix_product_rate
from tfadv.planning.workload import ATTACK_PASSES, measure_forward

# Measured once for all networks of a benchmark.
matrix_rate = functools.cache(matrix_product_rate)


def share_of_peak(case: Case, dtype: str, milliseconds: float) -> float:
    """Returns how fast an attack's step is, in parts of the rate of matrix products in `dtype`."""
    flops = ATTACK_PASSES * measure_forward(case.model) * case.batch
    return flops / (1e-3 * milliseconds) / matrix_rate(dtype)


def convolutions_ms(case: Case, dtype: str, repeats: int = 5) -> float:
    """Returns the sum of all convolutions, forward and by their inputs, in milliseconds.

    Each distinct one runs alone on the shapes it has in the network, its
    weights ready in `dtype`; the least of a few repeats counts.
    """
    return 1e3 * sum(
        count * _seconds(shape, kernel, stride, dtype, repeats)
        for (shape, kernel, stride), count in _convolutions(case).items()
    )


def _convolutions(case: Case) -> Counter:
    """Counts the network's convolutions by input shape, kernel shape and stride."""
    found, model = Counter(), case.model

    def unit(layer, x):
        found[tuple(x.shape), tuple(layer.kernel.shape), layer.stride] += 1
        return layer(x)

    tf.function(lambda x: model.forward(x, unit), autograph=False).get_concrete_function(
        tf.TensorSpec((case.batch, case.image, case.image, 3), tf.float32)
    )
    return found


def _seconds(shape, kernel, stride, dtype, repeats) -> float:
    x = tf.cast(tf.random.normal(shape), dtype)
    weights = tf.cast(tf.random.normal(kernel), dtype)

    @tf.function(autograph=False)
    def forward(x, weights):
        return tf.nn.conv2d(x, weights, stride, "SAME")

    y = forward(x, weights)

    @tf.function(autograph=False)
    def by_input(y, weights):
        return tf.nn.conv2d_transpose(y, weights, shape, stride, "SAME")

    return sum(
        _least(function, repeats)
        for function in (lambda: forward(x, weights), lambda: by_input(y, weights))
    )


def _least(function, repeats: int) -> float:
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function().numpy()
        times.append(time.perf_counter() - began)
    return min(times)
