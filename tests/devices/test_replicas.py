"""Rows on replicas: spread, taken and moved as NumPy's are."""

import numpy as np
import pytest

from tfadv.devices.replicas import Replicas
from tfadv.testing import two_cpus

ROWS = {"a": np.arange(12).reshape(6, 2), "b": np.arange(6.0)}


@pytest.mark.parametrize("distribution", [None, two_cpus])
def test_rows_are_those_of_the_arrays(distribution):
    replicas = Replicas(distribution and distribution())
    assert (replicas.count, replicas.workers) == (2 if distribution else 1, 1)
    spread, chosen = replicas.spread(ROWS), np.array([5, 0, 3, 1])
    moved = replicas.moved(spread, chosen)
    doubled = replicas.on_each(lambda a, b: (2 * a, b))(spread["a"], spread["b"])[0]
    for name, rows in ROWS.items():
        np.testing.assert_array_equal(replicas.whole(spread[name]), rows)
        np.testing.assert_array_equal(replicas.take(spread[name], chosen), rows[chosen])
        np.testing.assert_array_equal(replicas.whole(moved[name]), rows[chosen])
    np.testing.assert_array_equal(replicas.whole(doubled), 2 * ROWS["a"])
