"""Duplicates: exact ones by pixels, near ones by fingerprints that are looked up, not compared."""

import numpy as np
import pytest
from shared.image_sets import smooth
from shared.tiny_data import array_source

from tfadv.inspection import duplicates
from tfadv.inspection.duplicates import BITS, Place, close, find
from tfadv.inspection.survey import Survey


def surveyed(split, images):
    images = np.stack(images)
    source = array_source(split, images, np.arange(len(images)) % 3)
    survey = Survey(split, source)
    survey.look(1, lambda done: None)
    return survey


def test_exact_and_near_duplicates_within_and_across_splits():
    pictures = [smooth(seed) for seed in range(6)]
    brighter = np.clip(pictures[4] * 1.04, 0, 255).astype(np.uint8)
    train = surveyed("train", [*pictures[:5], pictures[1]])
    test = surveyed("test", [pictures[5], pictures[1], brighter])
    found = find([train, test])
    assert found.exact == [[Place(0, 1), Place(0, 5), Place(1, 1)]]
    (pair,) = found.near
    assert pair[:2] == (Place(0, 4), Place(1, 2)) and 0.98 < pair.correlation <= 1


def test_different_pictures_are_no_duplicates():
    found = find([surveyed("all", [smooth(seed) for seed in range(300)])])
    assert found == ([], [])


def test_many_equal_images_make_one_group_and_no_pair():
    images = [smooth(0)] * 500 + [smooth(1)]
    found = find([surveyed("all", images)])
    assert [len(group) for group in found.exact] == [500] and found.near == []


def test_images_without_contrast_look_like_nothing():
    grey = [np.full((16, 16, 3), level, np.uint8) for level in range(100, 110)]
    assert find([surveyed("all", grey)]) == ([], [])


def random_bits(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**63, count, np.uint64)


def changed(bits, count, seed):
    """Returns fingerprints of which `count` bits are changed."""
    random = np.random.default_rng(seed)
    masks = [
        sum(2 ** int(place) for place in random.choice(64, count, replace=False)) for _ in bits
    ]
    return bits ^ np.array(masks, np.uint64)


def test_every_pair_of_few_bits_is_found_and_no_other():
    """By comparing all pairs of 2,000 fingerprints, many of which are close."""
    bits = random_bits(400)
    bits = np.concatenate([bits, *(changed(bits, count, count) for count in (1, 3, 4, 5))])
    apart = np.bitwise_count(bits[:, None] ^ bits[None])
    expected = np.argwhere(np.triu(apart <= BITS, 1))
    assert len(expected) > 1200
    np.testing.assert_array_equal(close(bits), expected)


@pytest.mark.parametrize("bits", [random_bits(0), random_bits(1), random_bits(2)])
def test_few_images_have_few_pairs(bits):
    assert close(bits).shape == (0, 2)


def test_a_crowd_takes_time_by_its_number(monkeypatch):
    """Of 10,000 images that all look alike not all 50 million pairs are compared or kept."""
    compared = []
    count = np.bitwise_count
    monkeypatch.setattr(
        duplicates.np, "bitwise_count", lambda bits: compared.append(len(bits)) or count(bits)
    )
    found = close(np.full(10_000, 5, np.uint64))
    assert sum(compared) <= 15 * 64 * 10_000
    assert 10_000 - 1 <= len(found) <= 15 * 8 * 10_000
    assert set(found.ravel().tolist()) == set(range(10_000))
