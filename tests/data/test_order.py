"""Which images are drawn: passes, classes equally often, shares of two sources."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.data import ArraySource
from tfadv.data.order import Balanced, Passes, Shared, spread

LABELS = np.array([0] * 5 + [1] + [2] * 14)
SOURCE = ArraySource("some", np.full((20, 4, 4, 3), 200, np.uint8), LABELS, ["a", "b", "c"])


def drawn(order, count, start=0):
    return order(tf.range(start, start + count, dtype=tf.int64)).numpy()


def test_each_class_is_drawn_equally_often():
    images = drawn(Balanced(SOURCE, seed=3), 210)
    rounds = LABELS[images].reshape(70, 3)
    assert all(sorted(classes) == [0, 1, 2] for classes in rounds)
    assert len({tuple(classes) for classes in rounds}) == 6  # in any order
    of_last = images[LABELS[images] == 2].reshape(5, 14)
    assert all(sorted(images) == list(range(6, 20)) for images in of_last)
    assert len({tuple(images) for images in of_last}) == 5
    np.testing.assert_array_equal(drawn(Balanced(SOURCE, 3), 50, start=100), images[100:150])
    assert any(drawn(Balanced(SOURCE, 4), 210) != images)


def test_rare_and_frequent_classes_are_drawn_apart():
    """The place of one class's image in its pass says nothing of another's."""
    labels = np.arange(400) % 2
    source = ArraySource("two", np.full((400, 4, 4, 3), 200, np.uint8), labels, ["a", "b"])
    images = drawn(Balanced(source, seed=0), 400)
    first, second = images[labels[images] == 0], images[labels[images] == 1]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


@pytest.mark.parametrize(("batch_size", "count"), [(64, 45), (64, 32), (48, 12), (8, 3), (30, 9)])
def test_a_share_is_spread_over_the_parts_of_a_batch(batch_size, count):
    places = spread(batch_size, count)
    assert places.sum() == count
    for parts in (2, 4, 8, 16):
        if batch_size % parts == 0:
            in_part = [int(places[p::parts].sum()) for p in range(parts)]
            assert set(in_part) <= {count // parts, -(-count // parts)}


def test_two_sources_have_their_places_in_every_batch():
    first, second = Passes(20, seed=0), Passes(7, 0, "extra order")
    images = drawn(Shared(first, second, 20, batch_size=8, of_second=6), 8 * 50).reshape(50, 8)
    is_second = images >= 20
    np.testing.assert_array_equal(is_second, np.tile(spread(8, 6), (50, 1)))
    # Each is drawn as if it were alone.
    np.testing.assert_array_equal(images[~is_second], drawn(first, 100))
    np.testing.assert_array_equal(images[is_second] - 20, drawn(second, 300))
