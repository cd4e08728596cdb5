"""Whose statistics the images of a step meet."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.norms import NormMode, NormPhase, NormPolicy
from tfadv.norms.base import write_statistics
from tfadv.strategies import Network


def test_without_branches_the_batch_is_mixed(tiny_model, some_images):
    clean, adv = some_images[0], some_images[0][:4] * 0.5
    model = tiny_model("batch")
    network = Network(model)
    found, collected = network.train_logits({"clean": clean, "adv": adv})
    write_statistics(model.norms, collected, "mean")
    again = tiny_model("batch")
    mode = NormMode(None, "batch", update=True)
    expected = again(tf.concat([clean, adv], 0), mode=mode)
    np.testing.assert_array_equal(found["clean"], expected[:6])
    np.testing.assert_array_equal(found["adv"], expected[6:])
    for ours, reference in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(ours, reference)


def test_with_branches_the_batches_are_separate(tiny_model, some_images):
    clean, adv = some_images[0], some_images[0][:4] * 0.5
    model, again = tiny_model("mixture"), tiny_model("mixture")
    network = Network(model)
    found, collected = network.train_logits({"clean": clean, "adv": adv})
    write_statistics(model.norms, collected, "mean")
    for branch, batch in (("clean", clean), ("adv", adv)):
        expected = again(batch, mode=NormMode(branch, "batch", update=True))
        np.testing.assert_array_equal(found[branch], expected)
    for ours, reference in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(ours, reference)


@pytest.mark.parametrize("norm", ["batch", "mixture"])
def test_frozen_statistics_normalize_and_stay(tiny_model, some_images, norm):
    model = tiny_model(norm)
    before = [np.array(variable) for variable in model.non_trainable_variables]
    with tf.GradientTape() as tape:
        network = Network(model, NormPhase(NormPolicy(freeze="statistics"), late=True))
        logits, collected = network.train_logits({"adv": some_images[0]})
        loss = tf.reduce_sum(logits["adv"] ** 2)
    mode = NormMode("adv" if norm == "mixture" else None)
    expected = model(some_images[0], mode=mode)
    np.testing.assert_allclose(logits["adv"], expected, rtol=1e-5, atol=1e-5)
    assert not collected
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    norm_layer = model.units[0].norm
    own = norm_layer.norms[1] if norm == "mixture" else norm_layer
    for gradient in tape.gradient(loss, [own.gamma.value, own.beta.value]):
        assert np.abs(gradient).max() > 0
