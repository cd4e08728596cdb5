"""Square: its schedule, and margins that grow within the ball."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import SEEDS, attacked

from tfadv.attacks import objectives
from tfadv.attacks.square import SQUARES, Square

SHAPE, CLASSES = (6, 9, 11, 3), 5
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, SHAPE).astype("float32")
WEIGHTS = RANDOM.normal(0, 0.4, (297, CLASSES)).astype("float32")


def logits_fn(images):
    return (tf.reshape(images, [-1, 297]) / 127.5 - 1) @ WEIGHTS


LABELS = np.argmax(logits_fn(IMAGES), -1)


def attack_images(attack):
    return attacked(attack, logits_fn, IMAGES, LABELS)


def lengths(change):
    return np.sqrt(np.sum(change.astype("float64") ** 2, (1, 2, 3)))


@pytest.mark.parametrize("ball", ["linf", "l2"])
def test_margins_grow_in_the_ball_and_fooled_images_are_left_alone(ball):
    epsilon = {"linf": 8.0, "l2": 200.0}[ball]
    few, many = (attack_images(Square(epsilon, queries, ball=ball)) for queries in (1, 400))
    for found in (few, many):
        assert found.min() >= 0 and found.max() <= 255
        if ball == "l2":
            assert lengths(found - IMAGES).max() <= epsilon + 1e-3
        else:  # stripes, and squares of them: every pixel at ±ε, or at the pixels' border
            low, high = np.maximum(IMAGES - epsilon, 0), np.minimum(IMAGES + epsilon, 255)
            border = np.minimum(np.abs(found - low), np.abs(found - high))
            assert border.max() < 1e-3
    margins = [np.array(objectives.margin(logits_fn(found), LABELS)) for found in (few, many)]
    assert np.all(margins[1] >= margins[0]) and np.mean(margins[1] > margins[0]) > 0.5
    fooled = margins[0] > 0
    np.testing.assert_array_equal(many[fooled], few[fooled])
    assert np.mean(margins[1] > 0) > 0.8


@pytest.mark.parametrize("ball", ["linf", "l2"])
def test_xla_changes_the_same(ball):
    squares = SQUARES[ball](tf.constant(IMAGES), 60.0)
    drawn = tf.constant(RANDOM.uniform(size=(SHAPE[0], squares.draws)), tf.float32)
    plain, compiled = (
        tf.function(squares.changed, jit_compile=jit)(squares.start(SEEDS), tf.constant(3.0), drawn)
        for jit in (False, True)
    )
    np.testing.assert_allclose(compiled, plain, atol=1e-3)
    found = attack_images(Square(8.0, 20, ball=ball, jit_compile=True))
    begun = attack_images(Square(8.0, 1, ball=ball, jit_compile=True))
    margins = [np.array(objectives.margin(logits_fn(x), LABELS)) for x in (begun, found)]
    assert np.all(margins[1] >= margins[0] - 1e-3) and np.any(margins[1] > margins[0])


def test_squares_shrink_as_in_the_paper():
    attack = Square(8.0, queries=10_000)
    queries, shares = (0, 11, 51, 201, 9_999), [0.8, 0.4, 0.2, 0.1, 0.8 / 512]
    sides = [attack.side(query, 32, 32) for query in queries]
    assert sides == [max(1, round(np.sqrt(share * 32 * 32))) for share in shares]
    assert Square(8.0, queries=100).side(99, 4, 4) == 1


def test_l2_squares_are_odd_and_fit():
    attack = Square(8.0, queries=10_000, ball="l2")
    sides = [attack.side(query, 32, 32) for query in (0, 11, 51, 201, 9_999)]
    assert sides == [29, 21, 15, 11, 3]
    assert [attack.side(0, size, size) for size in (1, 2, 3, 4, 8)] == [1, 1, 3, 3, 7]
    assert Square(8.0, queries=100, ball="l2").side(99, 8, 8) == 3
