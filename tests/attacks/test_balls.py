"""Balls: nearest points, noise, directions and sizes."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import SEEDS, SHAPE

from tfadv import randomness
from tfadv.attacks.balls import BALLS, L2Ball, LinfBall, surface_noise


@pytest.mark.parametrize("kind", [LinfBall, L2Ball])
def test_projection_is_the_nearest_point_of_many(kind):
    """Within the ball alone; at the pixels' border L2 is first scaled, then clipped."""
    images = np.full((1, 1, 2, 1), 100, "float32")
    grid = np.stack(np.meshgrid(*[np.linspace(80, 120, 401)] * 2), -1).reshape(-1, 2)
    order = np.inf if kind is LinfBall else 2
    inside = grid[np.linalg.norm(grid - 100, ord=order, axis=1) <= 10]
    for point in ([93.0, 95.0], [130.0, 104.0], [91.0, 113.0]):
        nearest = inside[np.argmin(np.sum((inside - point) ** 2, -1))]
        x = tf.constant(np.reshape(point, images.shape), tf.float32)
        found = kind(tf.constant(images), 10.0).project(x)
        np.testing.assert_allclose(np.ravel(found), nearest, atol=0.1)


@pytest.mark.parametrize("kind", [LinfBall, L2Ball])
def test_noise_is_uniform_in_the_ball(kind):
    seeds = randomness.example_seeds(3, "noise", tf.range(4000))
    noise = kind.noise(seeds, (1, 2, 1), 8.0)
    sizes = np.ravel(kind.size(noise))
    assert sizes.max() <= 8 + 1e-4
    # In two dimensions the share within radius r grows with its square.
    assert np.mean(sizes < 4) == pytest.approx(0.25, abs=0.03)
    assert np.abs(np.mean(noise, 0)).max() < 0.3


def test_steepest_directions_have_size_one_even_where_gradients_are_tiny():
    tiny = tf.constant(1e-30 * np.random.default_rng(0).normal(size=SHAPE), tf.float32)
    np.testing.assert_allclose(L2Ball.size(L2Ball.steepest(tiny)), 1, rtol=1e-4)
    assert not np.any(L2Ball.steepest(tf.zeros(SHAPE)))


def test_noise_of_the_surface_is_of_size_one():
    for kind in BALLS.values():
        np.testing.assert_allclose(kind.size(surface_noise(kind, SEEDS, SHAPE[1:])), 1, rtol=1e-5)


def test_balls_measure_what_they_say():
    move = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 4, 3)), tf.float32)
    flat = move.numpy().reshape(2, -1)
    np.testing.assert_allclose(LinfBall.size(move)[:, 0, 0, 0], np.abs(flat).max(1), rtol=1e-6)
    np.testing.assert_allclose(L2Ball.size(move)[:, 0, 0, 0], np.linalg.norm(flat, axis=1), 1e-6)
