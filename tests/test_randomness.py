"""Draws by counter, which are the same inside XLA."""

import numpy as np
import tensorflow as tf

from tfadv import randomness


def test_draws_by_counter_are_uniform_and_independent():
    seeds = randomness.example_seeds(1, "square", tf.range(2000))
    draws = np.stack([randomness.uniform_at(seeds, counter, 3) for counter in range(-1, 4)])
    assert draws.min() >= 0 and draws.max() < 1
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    expected = draws.size / 20
    assert np.sum((counts - expected) ** 2 / expected) < 45  # χ² of 19 degrees: 1 in 1000
    flat = draws.transpose(1, 0, 2).reshape(2000, -1)
    assert np.abs(np.corrcoef(flat.T) - np.eye(15)).max() < 0.1
    assert np.abs(np.corrcoef(flat[:-1, 0], flat[1:, 0])[0, 1]) < 0.1
    compiled = tf.function(randomness.uniform_at, jit_compile=True, autograph=False)
    np.testing.assert_array_equal(compiled(seeds, tf.constant(2), 3), draws[3])


def test_splitmix64_gives_its_published_numbers():
    """The first outputs of seed 1234567, known from its reference implementation."""
    z = 1234567 + np.arange(1, 4, dtype=object) * randomness._GOLDEN
    states = tf.constant([int(v) % 2**64 for v in z], tf.uint64)
    assert [int(v) for v in randomness._mixed(states)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_purposes_within_purposes_are_streams_of_their_own():
    """The same purpose twice is not none, and the order matters: AutoAttack's Square asks twice."""
    seeds = randomness.example_seeds(3, "attack", tf.range(500))
    paths = [(), ("a",), ("b",), ("a", "a"), ("a", "b"), ("b", "a"), ("a", "b", "a"), ("b", "b")]
    draws = []
    for path in paths:
        stream = seeds
        for purpose in path:
            stream = randomness.for_purpose(stream, purpose)
        draws += [
            randomness.uniform(stream, (), 0.0, 1.0),
            randomness.uniform_at(stream, 0, 1)[:, 0],
        ]
    for seed, purpose in ((4, "attack"), (3 + 2**32, "attack"), (-3, "attack"), (3, "evaluate")):
        other = randomness.example_seeds(seed, purpose, tf.range(500))
        draws.append(randomness.uniform(other, (), 0.0, 1.0))
    restarts = randomness.example_seeds(3, "attack", tf.range(500, dtype=tf.int64) + 2**40)
    draws.append(randomness.uniform(restarts, (), 0.0, 1.0))
    correlations = np.corrcoef(np.stack(draws)) - np.eye(len(draws))
    assert np.abs(correlations).max() < 5 / np.sqrt(500)
