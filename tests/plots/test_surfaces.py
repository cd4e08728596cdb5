"""The loss around an image, by losses that NumPy works out."""

import types

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_networks import external_model, perceptron

from tfadv import plots, randomness
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.norms.mode import NormMode
from tfadv.plots.surfaces import surface

IMAGE = np.random.default_rng(0).uniform(60, 190, (4, 4, 3)).astype("float32")
ATTACK = PGD(epsilon=16.0, steps=3, step_size=8.0, targeted=False)
SOURCE = types.SimpleNamespace(image_shape=IMAGE.shape, classes=5)


@pytest.fixture(scope="module")
def model():
    functions = {"clean": perceptron(48, 5), "adv": perceptron(48, 5, spread=1.0)}
    return external_model(functions, SOURCE)


def losses(model, branch, images, label):
    logits = model.logits_fn(NormMode(branch))(tf.constant(images, tf.float32)).numpy()
    return np.log(np.exp(logits).sum(1)) - logits[:, label], np.argmax(logits, 1)


def change(model, branch, label=2, seed=0):
    seeds = randomness.example_seeds(seed, "loss surface", tf.constant([0]))
    logits_fn = model.logits_fn(NormMode(branch))
    return ATTACK(logits_fn, IMAGE[None], tf.constant([label]), seeds).numpy()[0] - IMAGE


@pytest.mark.parametrize("branch", ["clean", "adv"])
def test_losses_are_those_of_the_images_that_they_stand_for(model, branch):
    found = surface(model, IMAGE, 2, ATTACK, branch, points=13)
    np.testing.assert_allclose(found.places, np.linspace(-1.5, 1.5, 13))
    along = change(model, branch)
    line = np.stack([np.clip(IMAGE + a * along, 0, 255) for a in found.places])
    expected, classes = losses(model, branch, line, 2)
    np.testing.assert_allclose(found.loss[6], expected, rtol=1e-4)
    np.testing.assert_array_equal(found.margin[6] > 0, classes != 2)
    assert found.loss[6, 10] > found.loss[6, 6]  # what the attack returned, and the image


def test_the_other_direction_is_random_orthogonal_and_as_long(monkeypatch, model):
    seen = []

    def linear(mode):
        def logits_fn(images):
            seen.append(images)
            return tf.stack([tf.reduce_sum(images * one, [1, 2, 3]) / 1000 for one in weights], 1)

        return logits_fn

    weights = np.random.default_rng(1).normal(size=(3, *IMAGE.shape)).astype("float32")
    monkeypatch.setattr(tf, "function", lambda function=None, **_: function or (lambda f: f))
    found = surface(types.SimpleNamespace(logits_fn=linear), IMAGE, 0, ATTACK, points=3)
    grid = seen[-1].numpy().reshape(3, 3, -1).astype(np.float64)
    along = grid[1, 2] - grid[1, 1]
    across = grid[2, 1] - grid[1, 1]
    assert found.loss.shape == (3, 3)
    assert np.linalg.norm(across) == pytest.approx(np.linalg.norm(along), rel=1e-4)
    assert abs(along @ across) < 1e-3 * np.linalg.norm(along) ** 2
    other = surface(types.SimpleNamespace(logits_fn=linear), IMAGE, 0, ATTACK, points=3, seed=1)
    assert not np.allclose(other.loss[2], found.loss[2])


def test_the_figure_shows_the_surface(model):
    found = surface(model, IMAGE, 2, ATTACK, "adv", points=5)
    figure = plots.loss_surface(model, IMAGE, 2, ATTACK, branch="adv", points=5)
    (image,) = figure.axes[0].images
    np.testing.assert_array_equal(image.get_array(), found.loss)
    assert image.origin == "lower" and image.get_extent() == [-1.875, 1.875, -1.875, 1.875]
    places = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert places["the image"] == [[0, 0]] and places["the image, attacked"] == [[1, 0]]


class Idle(PGD):
    """Leaves images as they are."""

    def __call__(self, logits_fn, images, labels, seeds):
        return images


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((IMAGE, 2, ATTACK, "avd"), {}, "Did you mean 'adv'"),
        ((IMAGE, 2, ATTACK), {"points": 4}, "points must be odd, 3 or more, got 4"),
        ((IMAGE[..., 0], 2, ATTACK), {}, r"image must be images \[N, H, W, C\]"),
        ((IMAGE, 2, Idle(16.0, steps=3, step_size=8.0)), {}, "Idle left the image as it is"),
    ],
)
def test_what_can_not_be_drawn_is_refused(model, arguments, options, message):
    with pytest.raises(UserError, match=message):
        plots.loss_surface(model, *arguments, **options)
