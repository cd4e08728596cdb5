"""The norms against Keras' own layers, and what the modes promise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import config  # noqa: F401  (experiment registers all parts)
from tfadv.errors import UserError
from tfadv.norms import NormMode
from tfadv.norms.base import write_statistics
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

BATCH = NormMode(statistics="batch", update=True)


def images(seed=0, channels=6):
    return tf.constant(np.random.default_rng(seed).normal(2, 3, (4, 5, 5, channels)), tf.float32)


def randomize(layer):
    random = np.random.default_rng(7)
    for variable in layer.variables:
        variable.assign(random.uniform(0.5, 2, variable.shape))


def same_weights(ours, theirs):
    ours.build((None, 5, 5, 6))
    theirs.build((None, 5, 5, 6))
    randomize(ours)
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        if hasattr(ours, name):
            getattr(theirs, name).assign(getattr(ours, name))


def outputs_and_gradients(layer, x, **arguments):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        weights = np.random.default_rng(3).normal(size=x.shape)
        loss = tf.reduce_sum(y * tf.constant(weights, tf.float32))
    return [y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])]


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_equals_keras(training):
    ours = BatchNorm(momentum=0.8, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    same_weights(ours, theirs)
    mode = BATCH if training else NormMode()
    for mine, reference in zip(
        outputs_and_gradients(ours, images(), mode=mode),
        outputs_and_gradients(theirs, images(), training=training),
        strict=True,
    ):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_equals_keras(groups):
    ours = GroupNorm(groups=groups, epsilon=1e-3)
    theirs = keras.layers.GroupNormalization(groups=groups, epsilon=1e-3)
    same_weights(ours, theirs)
    for mine, reference in zip(
        outputs_and_gradients(ours, images()), outputs_and_gradients(theirs, images()), strict=True
    ):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)


def test_group_norm_takes_a_common_divisor_of_the_channels():
    narrow = GroupNorm(groups=32)
    exact = GroupNorm(groups=2)
    for layer in (narrow, exact):
        layer.build((None, 5, 5, 6))
    np.testing.assert_allclose(narrow(images()), exact(images()))


def test_each_ghost_batch_is_normalized_as_keras_would_alone():
    x = tf.constant(np.random.default_rng(5).normal(2, 3, (12, 5, 5, 6)), tf.float32)
    ours = BatchNorm(momentum=0.8)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-5)
    same_weights(ours, theirs)
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
    layer.build((None, 5, 5, 6))
    layer(images(), mode=NormMode(None, "batch", True, ghost_batches))
    parts = [np.array(images())[part::ghost_batches] for part in range(ghost_batches)]
    expected = np.mean([part.var(axis=(0, 1, 2), ddof=1) for part in parts], axis=0)
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-5)


def test_recorded_statistics_of_one_norm_make_one_update():
    layer, recorded = BatchNorm(momentum=0.5), []
    layer.build((None, 5, 5, 6))
    for seed in (0, 1):
        layer(images(seed), mode=BATCH, record=lambda *measured: recorded.append(measured))
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(6))
    write_statistics(recorded, "mean")
    means = [np.mean(images(seed), axis=(0, 1, 2)) for seed in (0, 1)]
    np.testing.assert_allclose(layer.moving_mean, 0.5 * np.mean(means, axis=0), rtol=1e-5)


def test_batch_statistics_without_update_write_nothing():
    layer = BatchNorm()
    layer.build((None, 5, 5, 6))
    randomize(layer)
    before = [np.array(variable) for variable in layer.variables]
    layer(images(), mode=NormMode(statistics="batch", update=False))
    layer(images(), mode=NormMode())
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(("used", "untouched"), [("clean", "adv"), ("adv", "clean")])
def test_mixture_branches_are_isolated(used, untouched):
    layer = MixtureBatchNorm()
    layer.build((None, 5, 5, 6))
    randomize(layer)
    by_branch = dict(zip(layer.branches, layer.batch_norms, strict=True))
    before = [np.array(variable) for variable in by_branch[untouched].variables]
    with tf.GradientTape() as tape:
        y = layer(images(), mode=NormMode(used, "batch", update=True))
        loss = tf.reduce_sum(y**2)
    others = [variable.value for variable in by_branch[untouched].trainable_variables]
    own = [variable.value for variable in by_branch[used].trainable_variables]
    gradients = tape.gradient(loss, others + own)
    assert gradients[:2] == [None, None]
    assert all(gradient is not None for gradient in gradients[2:])
    for variable, value in zip(by_branch[untouched].variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    moved = np.abs(np.array(by_branch[used].moving_mean) - 1.25).max()
    assert moved > 0


def test_mixture_branch_is_a_whole_batch_norm():
    mixture = MixtureBatchNorm(branches=("a", "b", "c"), default_branch="c")
    alone = BatchNorm()
    mixture.build((None, 5, 5, 6))
    alone.build((None, 5, 5, 6))
    for seed in range(3):
        mixture(images(seed), mode=NormMode("b", "batch", update=True))
        alone(images(seed), mode=BATCH)
    np.testing.assert_array_equal(mixture(images(9), mode=NormMode("b")), alone(images(9)))
    np.testing.assert_array_equal(mixture(images(9)), mixture(images(9), mode=NormMode("c")))
    assert len(mixture.variables) == 3 * len(alone.variables)


@pytest.mark.parametrize("layer", [BatchNorm(), MixtureBatchNorm()], ids=["batch", "mixture"])
def test_affine_map_equals_the_layer(layer):
    layer.build((None, 5, 5, 6))
    randomize(layer)
    scale, offset = layer.affine(NormMode())
    x = images()
    variables = getattr(layer, "batch_norms", [layer])[-1]
    expected = (x - variables.moving_mean) / np.sqrt(
        np.array(variables.moving_variance) + variables.epsilon
    ) * variables.gamma + variables.beta
    np.testing.assert_allclose(x * scale + offset, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert layer.affine(BATCH) is None


@pytest.mark.parametrize(
    ("norm", "arguments"),
    [
        (BatchNorm, {"momentum": 0.7, "gamma_initializer": "zeros"}),
        (MixtureBatchNorm, {"branches": ("x", "y"), "default_branch": "y"}),
        (GroupNorm, {"groups": 3}),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_norm_keeps_dtype_and_serializes(norm, arguments, dtype):
    layer = norm(**arguments)
    layer.build((None, 5, 5, 6))
    x = tf.cast(images(), dtype)
    for mode in (NormMode(), NormMode(statistics="batch")):
        assert layer(x, mode=mode).dtype == dtype
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: NormMode(statistics="bach"), "Did you mean 'batch'"),
        (lambda: NormMode(across_replicas="means"), "Did you mean 'mean'"),
        (lambda: NormMode(ghost_batches=0), "NormMode.ghost_batches"),
        (lambda: BatchNorm(momentum=2), "BatchNorm.momentum"),
        (lambda: GroupNorm(groups=0), "GroupNorm.groups"),
        (lambda: MixtureBatchNorm(branches=("a", "a"), default_branch="a"), "distinct"),
        (lambda: MixtureBatchNorm(default_branch="advv"), "Did you mean 'adv'"),
    ],
)
def test_wrong_arguments_are_told(build, told):
    with pytest.raises(UserError, match=told):
        build()
