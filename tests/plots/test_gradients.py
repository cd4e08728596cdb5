"""Input gradients, by the closed form of a linear model."""

import types

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_networks import external_model

from tfadv import plots
from tfadv.errors import UserError

SHAPE = (3, 4, 1)
WEIGHTS = {b: np.random.default_rng(n).normal(0, 0.01, (12, 3)) for n, b in enumerate(("a", "b"))}
IMAGES = np.random.default_rng(5).uniform(0, 255, (2, *SHAPE)).astype("float32")
LABELS = np.array([0, 2])


def linear(weights):
    return lambda images: tf.reshape(images, [-1, 12]) @ weights.astype("float32")


@pytest.fixture(scope="module")
def model():
    source = types.SimpleNamespace(image_shape=SHAPE, classes=3)
    return external_model({branch: linear(one) for branch, one in WEIGHTS.items()}, source)


def gradients(branch):
    """Returns (softmax(xW) - onehot)Wᵀ."""
    logits = IMAGES.reshape(2, 12).astype(np.float64) @ WEIGHTS[branch]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return ((shares - np.eye(3)[LABELS]) @ WEIGHTS[branch].T).reshape(IMAGES.shape)


def test_each_row_is_an_image_and_its_gradients(model):
    figure = plots.input_gradients(model, IMAGES, LABELS, titles=["zero", "two"])
    for number, axes in enumerate(figure.axes):
        image, *shown = (np.asarray(one.get_array())[..., :1] for one in axes.images)
        np.testing.assert_allclose(image, IMAGES[number] / 255, rtol=1e-6)
        for found, branch in zip(shown, ("a", "b"), strict=True):
            own = gradients(branch)[number]
            expected = 0.5 + 0.5 * np.clip(own / (3 * own.std()), -1, 1)
            np.testing.assert_allclose(found, expected, atol=1e-4)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["zero", "two"]
    names = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert names == ["image", "gradient, a branch", "gradient, b branch"]


def test_a_flat_loss_is_grey():
    flat = external_model(
        {"main": lambda x: 0 * tf.reshape(x, [-1, 12])[:, :3]},
        types.SimpleNamespace(image_shape=SHAPE, classes=3),
    )
    (axes,) = plots.input_gradients(flat, IMAGES[:1], LABELS[:1]).axes
    np.testing.assert_allclose(axes.images[1].get_array(), 0.5)


def test_what_can_not_be_drawn_is_refused(model):
    with pytest.raises(UserError, match=r"labels must be 2 classes, got \(3,\)"):
        plots.input_gradients(model, IMAGES, [0, 1, 2])
    with pytest.raises(UserError, match="NormMode.branch is 'c'"):
        plots.input_gradients(model, IMAGES, LABELS, branches=["c"])
    broken = external_model(
        {"main": lambda x: tf.math.log(-1 - tf.reshape(x, [-1, 12])[:, :3])},
        types.SimpleNamespace(image_shape=SHAPE, classes=3),
    )
    with pytest.raises(UserError, match="this model: the loss has a gradient that is not finite"):
        plots.input_gradients(broken, IMAGES, LABELS)
