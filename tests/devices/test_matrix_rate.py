"""The rate of matrix products, beside NumPy's."""

import time

import numpy as np

from tfadv.devices import matrix_rate


def test_the_rate_is_near_numpys(monkeypatch):
    monkeypatch.setattr(matrix_rate, "_ROWS", 512)
    monkeypatch.setattr(matrix_rate, "_SECONDS", 0.1)
    found = matrix_rate.matrix_product_rate("float32")
    matrix, times = np.ones((512, 512), np.float32), []
    for _ in range(10):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    ours = 2 * 512**3 / min(times)
    assert ours / 20 < found < ours * 20
