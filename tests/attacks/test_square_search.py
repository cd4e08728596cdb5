"""The search of Square in both balls, against the paper's algorithms in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import SEEDS

from tfadv.attacks.square_search import L2Squares, hill_and_valley

SHAPE = (6, 9, 11, 3)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, SHAPE).astype("float32")


def lengths(change):
    return np.sqrt(np.sum(change.astype("float64") ** 2, (1, 2, 3)))


def rising_rectangles(height, width):
    """Returns one hill of the paper's η: rectangles in rectangles, each adding to those before."""
    hill, half = np.zeros((height, width)), height // 2
    for level in range(half + 1):
        top, left = half - level, width // 2 - level
        rows, columns = (
            slice(max(top, 0), top + 2 * level + 1),
            slice(max(left, 0), left + 2 * level + 1),
        )
        hill[rows, columns] += 1 / (level + 1) ** 2
    return hill


@pytest.mark.parametrize("side", [1, 3, 5, 6, 9, 15])
def test_a_hill_and_a_valley_are_the_papers(side):
    here = tf.range(side)[None]
    left = rising_rectangles(side, side // 2)
    right = -rising_rectangles(side, side - side // 2)
    found = hill_and_valley(here, here, tf.constant(side))[0]
    np.testing.assert_allclose(found, np.concatenate([left, right], 1), rtol=1e-6)


@pytest.mark.parametrize("epsilon", [30.0, 300.0])
def test_an_l2_change_is_algorithm_3(epsilon):
    side, (count, height, width, channels) = 5, SHAPE
    squares = L2Squares(tf.constant(IMAGES), epsilon)
    x = squares.start(SEEDS).numpy()
    drawn = RANDOM.uniform(size=(count, squares.draws)).astype("float32")
    drawn[:2, 2:4] = drawn[:2, :2]  # both squares at one place
    drawn[2, 2:4] = (drawn[2, :2] + 0.5) % 1
    found = squares.changed(tf.constant(x), tf.constant(float(side)), tf.constant(drawn)).numpy()
    for n in range(count):
        change = (x - IMAGES)[n].astype("float64")
        room = np.array([height, width, height, width]) - side + 1
        r1, s1, r2, s2 = np.floor(drawn[n, :4] * room).astype(int)
        gains = np.zeros((height, width), bool)
        gains[r1 : r1 + side, s1 : s1 + side] = True
        both = gains.copy()
        both[r2 : r2 + side, s2 : s2 + side] = True
        eta = np.concatenate(
            [rising_rectangles(side, side // 2), -rising_rectangles(side, side - side // 2)], 1
        )
        eta = (eta.T if drawn[n, 4] < 0.5 else eta) / np.linalg.norm(eta)
        unused = max(epsilon**2 - np.sum(change**2), 0)
        after = change.copy()
        for channel in range(channels):
            own = change[..., channel][gains].reshape(side, side)
            own = own / (np.linalg.norm(own) or 1)
            new = (-1 if drawn[n, 5 + channel] < 0.5 else 1) * eta + own
            available = np.sqrt(np.sum(change[..., channel][both] ** 2) + unused / channels)
            after[both, channel] = 0
            after[gains, channel] = np.ravel(new / np.linalg.norm(new) * available)
        assert abs(np.linalg.norm(after) - max(epsilon, np.linalg.norm(change))) < 1e-3 * epsilon
        np.testing.assert_allclose(found[n], np.clip(IMAGES[n] + after, 0, 255), atol=2e-3)


def test_an_l2_start_is_tiles_at_the_balls_border():
    images = np.full((2, 15, 17, 3), 128, "float32")
    start = L2Squares(tf.constant(images), 10.0).start(SEEDS[:2]).numpy() - 128
    np.testing.assert_allclose(lengths(start), 10, rtol=1e-4)
    assert np.all(start[:, :, [0, -1]] == 0)  # five tiles of 3, and what is left at the sides
    signs = np.sign(start[:, :, 1:-1]).reshape(2, 5, 3, 5, 3, 3)
    assert np.all(np.abs(signs.sum((2, 4))) == 3)  # a third hill, two thirds valley, or the reverse
    assert len(np.unique(signs[:, :, 0, :, 0])) == 2 and np.any(start[0] != start[1])
