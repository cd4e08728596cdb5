"""Networks of keras.applications: their own logits before training, branches that keep apart."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.models.functional.from_keras import Keras
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

NAMES = ("MobileNetV2", "EfficientNetB0", "ConvNeXtTiny", "DenseNet121", "ResNet50V2", "ResNet50")
SHAPE = (64, 64, 3)

pytestmark = pytest.mark.slow


def built(name, monkeypatch, make_norm):
    """Returns Keras' network with random weights and statistics, its logits, and ours of it."""
    build = getattr(keras.applications, name)
    weights = {"weights": None, "input_shape": SHAPE, "classes": 10}
    theirs = build(**weights, classifier_activation=None)
    with_softmax = build(**weights)
    for variable, other in zip(theirs.weights, with_softmax.weights, strict=True):
        value = np.array(variable)
        if "moving" in variable.path or variable.path.endswith(("gamma", "beta")):
            value = value + 0.1 * np.random.default_rng(value.size).uniform(size=value.shape)
        variable.assign(value)
        other.assign(value)
    monkeypatch.setattr(keras.applications, "prepared", lambda: with_softmax, raising=False)
    pixels = {"pixel_mean": 127.5, "pixel_std": 127.5}
    return theirs, Keras(SHAPE, 10, make_norm, build="keras.applications.prepared", **pixels)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_keras_own_before_training(name, monkeypatch):
    theirs, ours = built(name, monkeypatch, MixtureBatchNorm)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype("float32")
    expected = theirs(pixels / 127.5 - 1).numpy()
    scale = np.abs(expected).max()
    for branch in ours.branches:
        found = ours.logits_fn(NormMode(branch))(pixels)
        np.testing.assert_allclose(found, expected, atol=1e-5 * scale)
        np.testing.assert_allclose(ours(pixels, mode=NormMode(branch)), expected, atol=1e-5 * scale)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ConvNeXtTiny"])
def test_a_clean_batch_leaves_the_adversarial_branch(name, monkeypatch):
    _, ours = built(name, monkeypatch, MixtureBatchNorm)
    before = {v.path: v.numpy() for v in ours.variables}
    pixels = np.random.default_rng(0).uniform(0, 255, (8, *SHAPE)).astype("float32")
    mode = NormMode("clean", "batch", update=True)
    step = tf.function(lambda x: ours(x, mode=mode, seed=tf.constant([1, 2], tf.int64)))
    step(tf.constant(pixels))
    changed = {v.path for v in ours.variables if (v.numpy() != before[v.path]).any()}
    assert changed == {path for path in before if "/clean/moving_" in path}


def test_group_norm_takes_their_place_too(monkeypatch):
    _, ours = built("MobileNetV2", monkeypatch, GroupNorm)
    assert {type(norm) for norm in ours.norms.values()} == {GroupNorm}
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype("float32")
    np.testing.assert_allclose(ours.logits_fn()(pixels), ours(pixels), atol=1e-4)
