"""Batch norm against Keras' own layer: ghost batches, running statistics, modes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_norms import SHAPE, built, copy_weights, features, outputs_and_gradients

from tfadv.norms import NormMode
from tfadv.norms.base import merged, norms_in, write_statistics
from tfadv.norms.batch_norm import BatchNorm

BATCH = NormMode(statistics="batch", update=True)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_equals_keras(training):
    ours = BatchNorm(momentum=0.8, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    copy_weights(ours, theirs)
    mode = BATCH if training else NormMode()
    for mine, reference in zip(
        outputs_and_gradients(ours, features(), mode=mode),
        outputs_and_gradients(theirs, features(), training=training),
        strict=True,
    ):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-5)


def test_each_ghost_batch_is_normalized_as_keras_would_alone():
    x = features(seed=5, rows=12)
    ours = BatchNorm(momentum=0.8)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-5)
    copy_weights(ours, theirs)
    start = np.array(ours.moving_mean), np.array(ours.moving_variance)
    weights = tf.constant(np.random.default_rng(3).normal(size=x.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ours(x, mode=NormMode(statistics="batch", update=True, ghost_batches=3))
        loss = tf.reduce_sum(y * weights)
    gradient = tape.gradient(loss, x)
    measured = []
    for part in range(3):
        theirs.moving_mean.assign(start[0])
        theirs.moving_variance.assign(start[1])
        images = x[part::3]
        with tf.GradientTape() as tape:
            tape.watch(images)
            expected = theirs(images, training=True)
            loss = tf.reduce_sum(expected * weights[part::3])
        np.testing.assert_allclose(y[part::3], expected, atol=1e-4)
        np.testing.assert_allclose(gradient[part::3], tape.gradient(loss, images), atol=1e-4)
        measured.append([np.array(theirs.moving_mean), np.array(theirs.moving_variance)])
    mean, variance = np.mean(measured, axis=0)
    np.testing.assert_allclose(ours.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, variance, rtol=1e-5)


@pytest.mark.parametrize("ghost_batches", [1, 2])
def test_the_running_variance_may_average_the_unbiased_one(ghost_batches):
    layer = BatchNorm(momentum=0.0, unbiased_variance=True)
    layer.build(SHAPE)
    layer(features(), mode=NormMode(None, "batch", True, ghost_batches))
    parts = [np.array(features())[part::ghost_batches] for part in range(ghost_batches)]
    expected = np.mean([part.var(axis=(0, 1, 2), ddof=1) for part in parts], axis=0)
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-5)


def test_collected_statistics_of_one_norm_make_one_update():
    layer = BatchNorm(momentum=0.5)
    layer.build(SHAPE)
    collections = [layer(features(seed), mode=BATCH, collect=True)[1] for seed in (0, 1)]
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(6))
    write_statistics(norms_in(layer), merged(collections), "mean")
    means = [np.mean(features(seed), axis=(0, 1, 2)) for seed in (0, 1)]
    np.testing.assert_allclose(layer.moving_mean, 0.5 * np.mean(means, axis=0), rtol=1e-5)


def test_batch_statistics_without_update_write_nothing():
    layer = built(BatchNorm())
    before = [np.array(variable) for variable in layer.variables]
    layer(features(), mode=NormMode(statistics="batch", update=False))
    layer(features(), mode=NormMode())
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
