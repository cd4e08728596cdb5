"""The training order looks random: epochs, seeds, neighbours and batches at chance level."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfadv.data.permutation import permuted, shuffled
from tfadv.data.pipeline import evaluation_indices
from tfadv.data.source import ArraySource

SIZES = [103, 1297, 10_000, 50_000, 1_281_167]
# In standard deviations. Some hundred values are compared: 5 are exceeded once in 10,000 runs.
LIMIT = 5


def orders(total, seed=0, epochs=range(4), purpose="training order"):
    places = tf.range(total, dtype=tf.int64)
    return [permuted(places, total, seed, purpose, epoch).numpy() for epoch in epochs]


@pytest.mark.parametrize("total", [1, 103, 50_000])
def test_a_plan_draws_the_same_order(total):
    np.testing.assert_array_equal(
        shuffled(total, 7, "held out"), orders(total, 7, [0], "held out")[0]
    )


def correlation(a, b):
    """Returns r of two orders in standard deviations of r by chance."""
    return abs(np.corrcoef(a, b)[0, 1]) * math.sqrt(len(a))


def assert_poisson(count, expected, what):
    """Checks a number of rare events."""
    assert abs(count - expected) <= LIMIT * math.sqrt(expected) + 1, f"{what}: {count}"


@pytest.mark.parametrize("total", SIZES)
def test_orders_are_permutations_without_a_trace_of_each_other(total):
    epochs, seeds = orders(total), [orders(total, seed, [0])[0] for seed in (1, 2, 3)]
    beyond = orders(total, 2**32, [0]) + orders(total, 0, [2**32]) + orders(total, -1, [0])
    other = orders(total, 0, [0], "evaluation subset")
    seen = np.zeros(total, bool)
    drawn = [*epochs, *seeds, *beyond, *other]
    for order in drawn:
        seen[:] = False
        seen[order] = True
        assert seen.all()
    compared = np.stack([np.arange(total), *drawn])
    r = np.corrcoef(compared) - np.eye(len(compared))
    assert np.abs(r).max() * math.sqrt(total) < LIMIT
    for number, order in enumerate(compared):
        for earlier in compared[:number]:
            assert_poisson(np.sum(order == earlier), 1, "images in the same place again")


@pytest.mark.parametrize("total", SIZES)
def test_neighbours_part(total):
    first, second, *_ = orders(total)
    where = np.empty(total, np.int64)
    where[second] = np.arange(total)
    for lag in (1, 2, 16, 64):
        assert correlation(first[lag:], first[:-lag]) < LIMIT
        steps = np.abs(np.diff(first))
        assert_poisson(np.sum(steps == lag), 2, f"images {lag} apart that became neighbours")
        again = np.abs(where[first[1:]] - where[first[:-1]])
        assert_poisson(np.sum(again == lag), 2, f"neighbours {lag} apart in the next epoch")


@pytest.mark.parametrize("total", SIZES)
def test_batches_are_random_samples(total):
    """Which images share a batch again, and how many of a batch are of each class."""
    size = 32
    batches = total // size
    first, second, *_ = orders(total)
    batch_of = np.full(total, -1)
    batch_of[second[: batches * size]] = np.repeat(np.arange(batches), size)
    met = batch_of[first[: batches * size]]
    both = np.repeat(np.arange(batches), size)[met >= 0] * batches + met[met >= 0]
    _, counts = np.unique(both, return_counts=True)
    again = np.sum(counts * (counts - 1) // 2)
    pairs = batches * size * (size - 1) / 2
    assert_poisson(again, pairs * (size - 1) / (total - 1) * (batches * size / total), "pairs")
    classes = 10
    labels = np.arange(total) * classes // total  # sorted by class, as folders are
    for order in (first, second):
        of_batch = labels[order[: batches * size]].reshape(batches, size)
        counts = np.stack([np.sum(of_batch == c, 1) for c in range(classes)], 1)
        expected = size * np.bincount(labels) / total
        statistic = np.sum((counts - expected) ** 2 / expected) * (total - 1) / (total - size)
        degrees = batches * (classes - 1)
        assert abs(statistic - degrees) < LIMIT * math.sqrt(2 * degrees)


def test_few_images_have_every_order():
    found = {tuple(order) for order in orders(4, epochs=range(150))}
    assert len(found) == 24
    assert orders(1) == [0] * 4


def test_the_evaluated_subset_is_not_the_beginning_of_an_epoch():
    source = ArraySource("x", np.full((1000, 1, 1, 3), 9), np.arange(1000) % 2, ["a", "b"])
    subset = evaluation_indices(source, 100, seed=0)
    assert len(set(subset)) == 100
    in_both = [len(set(subset) & set(order[:100])) for order in orders(1000)]
    assert max(in_both) < 10 + LIMIT * math.sqrt(10)  # 10 by chance
    others = evaluation_indices(source, 100, seed=1)
    assert len(set(subset) & set(others)) < 10 + LIMIT * math.sqrt(10)
