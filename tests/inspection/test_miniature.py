"""Miniatures are means of areas, and their fingerprints signs of a cosine transform."""

import itertools

import numpy as np
import pytest
from PIL import Image
from shared.image_sets import smooth

from tfadv.inspection.duplicates import BITS
from tfadv.inspection.miniature import fingerprints, miniature


def by_pixels(pixels):
    """Returns the means of 8x8 areas by cutting every pixel into 64 equal parts."""
    fine = np.kron(pixels.astype(float), np.ones((8, 8, 1)))
    height, width = pixels.shape[:2]
    parts = fine.reshape(8, height, 8, width, -1).mean((1, 3))
    return parts @ [0.299, 0.587, 0.114]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1, 3), (9, 13), (75, 100)])
def test_a_miniature_is_of_means(height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert np.abs(miniature(pixels) - by_pixels(pixels)).max() <= 0.501


def test_pixels_that_are_no_whole_numbers():
    pixels = smooth(1).astype(np.float32)
    assert np.abs(miniature(pixels + 0.25).astype(int) - miniature(smooth(1))).max() <= 1


def test_a_fingerprint_is_of_signs():
    one = miniature(smooth(3))
    place = np.arange(8)
    signs = []
    for row, column in itertools.product(range(8), range(8)):
        wave = np.outer(*(np.cos(np.pi / 8 * (place + 0.5) * k) for k in (row, column)))
        signs.append(bool((wave * one).sum() > 0))
    signs[0] = False
    (found,) = fingerprints(one[None])
    assert np.unpackbits(np.array([found]).view(np.uint8)).astype(bool).tolist() == signs


@pytest.mark.parametrize("seed", range(5))
def test_copies_have_nearly_the_same_fingerprint_and_others_have_not(seed):
    image = Image.fromarray(smooth(seed, 300, 400))
    copies = [image, image.resize((150, 90), Image.BICUBIC), image.resize((401, 299))]
    others = [Image.fromarray(smooth(seed + 100, 300, 400))]
    bits = fingerprints(np.stack([miniature(np.asarray(one)) for one in copies + others]))
    apart = np.bitwise_count(bits ^ bits[0])
    assert apart[:3].max() <= BITS and apart[3] > 3 * BITS
