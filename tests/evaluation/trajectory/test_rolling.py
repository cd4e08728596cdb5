"""Images pass through a batch, on one device and on two: each once, and none waits for others."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tfadv.devices.replicas import Replicas
from tfadv.evaluation.trajectory import rolling
from tfadv.evaluation.trajectory.rolling import Rolling
from tfadv.testing import two_cpus

COUNT, SIZE = 30, 4


class Waiting(NamedTuple):
    """Rows that are done after as many steps as their labels say."""

    index: tf.Tensor
    left: tf.Tensor


def batches():
    """Yields the images, of which those at even places take long."""
    for first in range(0, COUNT, SIZE):
        index = np.arange(first, first + SIZE)
        yield {
            "image": np.zeros((SIZE, 1, 1, 1)),
            "label": np.where(index % 2, 1, 9),
            "index": index,
            "counts": index < COUNT,
        }


@pytest.mark.parametrize("distribution", [None, two_cpus])
def test_a_free_row_takes_the_next_image(distribution, monkeypatch):
    monkeypatch.setattr(rolling, "ROWS", 1)
    calls = []

    def advance(index, left):
        left = left - 1
        return Waiting(index, left), left <= 0

    replicas = Replicas(distribution and distribution())
    batch = Rolling(lambda images, labels, index: Waiting(index, labels), advance, replicas)
    moves, seen = batch._advance, []

    def counted(*state):
        calls.append(len(replicas.whole(state[0])))
        return moves(*state)

    batch._advance = counted
    for state, rows in batch.run(batches()):
        assert np.all(replicas.take(state.left, rows) == 0)
        seen += replicas.take(state.index, rows).tolist()
    assert sorted(seen) == list(range(COUNT))
    # 15 images take 9 steps and 15 take one: 150 in all, in 4 rows.
    assert 150 / SIZE <= len(calls) < 150 / SIZE + 10 < 8 * 9
    assert min(calls) < SIZE  # the last ones have moved together
