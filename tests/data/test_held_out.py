"""Images that are held out of training, in the proportions of their classes."""

import numpy as np
import pytest
from shared.tiny_data import array_source

from tfadv.data.held_out import stratified
from tfadv.data.selected import whole

# Classes of 70, 20 and 9 images, and one of a single image.
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), [70, 20, 9, 1]))


def source():
    pixels = np.arange(100, dtype=np.uint8)[:, None, None, None]
    return array_source("a", np.broadcast_to(pixels, (100, 4, 4, 3)), LABELS, list("abcd"))


def numbers_of(images):
    """Returns the images' numbers in `source`, which are their pixels."""
    return [int(images.pixels(number)[0, 0, 0]) for number in range(len(images))]


@pytest.mark.parametrize(
    ("count", "by_class"),
    [(10, [7, 2, 1, 0]), (50, [35, 10, 5, 0]), (1, [1, 0, 0, 0]), (99, [69, 20, 9, 1])],
)
def test_each_class_gives_its_share(count, by_class):
    images = source()
    rest, held = stratified(images, count, 0, "Validation.images")
    # 4.5 of 9 and 0.5 of 1 have equal remainders: the first gets the image.
    assert np.bincount(held.labels, minlength=4).tolist() == by_class
    assert sorted(numbers_of(rest) + numbers_of(held)) == list(range(100)) and len(held) == count
    assert whole(rest) is whole(held) is images
    for one in (rest, held):
        assert [LABELS[number] for number in numbers_of(one)] == list(one.labels)


def test_a_seed_draws_the_same_ones_and_another_others():
    def drawn(seed):
        return numbers_of(stratified(source(), 30, seed, "Validation.images")[1])

    assert drawn(0) == drawn(0)
    other = [len({*drawn(0)} & {*drawn(seed)}) for seed in (1, 2, 3)]
    assert all(3 <= same <= 20 for same in other)  # 9 of 30 by chance
