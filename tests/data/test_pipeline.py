"""Batches as a function of seed and step."""

import numpy as np
import pytest

from tfadv.data import ArraySource
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.pipeline import Shares, evaluation_batches, evaluation_indices, train_batches

PLAIN = CropAndFlip(padding=0, flip=False)


def numbered(count):
    """Returns a source whose image i is filled with i and labelled i % 3."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 3)
    )
    return ArraySource("numbered", images, np.arange(count) % 3, ["a", "b", "c"])


def take(dataset, count):
    batches = list(dataset.take(count).as_numpy_iterator())
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_an_epoch_is_a_permutation_and_the_next_another():
    source = numbered(20)
    seen = take(train_batches(source, PLAIN, 5, Shares(), seed=0, start=0), 8)
    order = seen["image"][:, 0, 0, 0].astype(int)
    assert sorted(order[:20]) == sorted(order[20:]) == list(range(20))
    assert list(order[:20]) != list(order[20:]) != list(range(20))
    np.testing.assert_array_equal(seen["label"], order % 3)
    np.testing.assert_array_equal(seen["index"], np.arange(40))
    other = take(train_batches(source, PLAIN, 5, Shares(), seed=1, start=0), 4)
    assert list(other["image"][:, 0, 0, 0]) != list(order[:20])


def test_passes_follow_each_other_without_a_gap():
    """23 images in batches of 4: none is left out, and each pass has an order of its own."""
    seen = take(train_batches(numbered(23), PLAIN, 4, Shares(), seed=0, start=0), 23)
    passes = seen["image"][:, 0, 0, 0].astype(int).reshape(4, 23)
    assert all(sorted(order) == list(range(23)) for order in passes)
    assert len({tuple(order) for order in passes}) == 4
    np.testing.assert_array_equal(seen["index"], np.arange(92))
    ends_and_begins = take(train_batches(numbered(23), PLAIN, 4, Shares(), seed=0, start=5), 1)
    expected = [*passes[0, 20:], passes[1, 0]]
    np.testing.assert_array_equal(ends_and_begins["image"][:, 0, 0, 0], expected)


def test_batches_are_a_function_of_the_step_and_not_of_the_replicas():
    source, augmentation = numbered(23), CropAndFlip(padding=1, flip=True)
    from_start = take(train_batches(source, augmentation, 4, Shares(), seed=3, start=0), 9)
    later = take(train_batches(source, augmentation, 4, Shares(), seed=3, start=6), 3)
    shared = take(train_batches(source, augmentation, 4, Shares(2, 0, 2), seed=3, start=0), 18)
    for key, value in from_start.items():
        np.testing.assert_array_equal(later[key], value[24:])
        # Of two shares each has every other image of a batch of four.
        by_share = value.reshape(9, 2, 2, *value.shape[1:]).swapaxes(1, 2)
        np.testing.assert_array_equal(shared[key], by_share.reshape(value.shape))


@pytest.mark.parametrize(("examples", "batch_size"), [(None, 8), (None, 23), (10, 4), (50, 30)])
def test_evaluation_counts_each_image_once(examples, batch_size):
    indices = evaluation_indices(numbered(23), examples, seed=0)
    seen = take(evaluation_batches(numbered(23), indices, batch_size), 99)
    counted = seen["index"][seen["counts"]]
    assert len(counted) == len(set(counted)) == min(examples or 23, 23)
    assert len(seen["index"]) % batch_size == 0
    np.testing.assert_array_equal(seen["image"][:, 0, 0, 0], seen["index"])
