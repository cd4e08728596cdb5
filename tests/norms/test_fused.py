"""Compiled norms against float64 arithmetic, TensorFlow's operations and themselves laid out."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.norms import NormMode, fused
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm

SHAPE = (6, 24, 16, 24)
GHOSTS = NormMode(None, "batch", True, ghost_batches=3)


def draw(seed, shape, mean=0.0):
    return tf.constant(np.random.default_rng(seed).normal(mean, 1.5, shape), tf.float32)


def in_float64(x, dy, gamma, beta, groups, parts, epsilon, relu):
    """Returns output and gradients by x, γ and β, each by its formula."""
    n, h, w, c = x.shape
    x, dy, gamma, beta = (np.array(v, np.float64) for v in (x, dy, gamma, beta))
    split = (n // parts, parts, h, w, groups, c // groups)

    def mean(values):
        means = values.reshape(split).mean((0, 2, 3, 5), keepdims=True)
        return np.broadcast_to(means, split).reshape(x.shape)

    inverse = 1 / np.sqrt(mean((x - mean(x)) ** 2) + epsilon)
    normal = (x - mean(x)) * inverse
    y = normal * gamma + beta
    dy = np.where(y > 0, dy, 0) if relu else dy
    dx = inverse * (dy * gamma - mean(dy * gamma) - normal * mean(dy * gamma * normal))
    y = np.maximum(y, 0) if relu else y
    return y, dx, (dy * normal).sum((0, 1, 2)), dy.sum((0, 1, 2))


@pytest.mark.parametrize(
    ("groups", "parts", "relu", "inside"),
    [
        (4, 6, True, False),
        (4, 6, True, True),
        (24, 2, True, False),
        (24, 6, False, True),
        (1, 3, False, False),
    ],
)
def test_equals_the_formulas(groups, parts, relu, inside):
    x, dy = draw(0, SHAPE, mean=3.0), draw(1, SHAPE)
    gamma, beta = draw(2, SHAPE[-1:]), draw(3, SHAPE[-1:])
    with tf.GradientTape() as tape:
        tape.watch([x, gamma, beta])
        maps = tf.transpose(x, [1, 2, 0, 3])[None] if inside else x
        y, mean, _ = fused.normalized(maps, gamma, beta, groups, parts, 1e-3, relu)
        y = tf.transpose(y[0], [2, 0, 1, 3]) if inside else y
    found = [y, *tape.gradient(y, [x, gamma, beta], dy)]
    expected = in_float64(x, dy, gamma, beta, groups, parts, 1e-3, relu)
    for one, other, size in zip(found, expected, (5, 5, 500, 500), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6 * size)
    assert mean.shape == (SHAPE[0], SHAPE[-1])


def test_a_mean_far_from_zero_costs_no_more_than_elsewhere():
    """The variance is of deviations, never a difference of two large numbers."""
    x = draw(0, SHAPE, mean=1000.0)
    ones, zeros = tf.ones(SHAPE[-1]), tf.zeros(SHAPE[-1])
    y, *_ = fused.normalized(x, ones, zeros, 4, None, 1e-3, relu=False)
    expected = in_float64(x, x, ones, zeros, 4, SHAPE[0], 1e-3, relu=False)[0]
    assert np.abs(y - expected).max() < 1e-3  # x itself is exact to 6e-5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("make_norm", "mode"),
    [
        (lambda: GroupNorm(groups=4), NormMode()),
        (lambda: BatchNorm(unbiased_variance=True), GHOSTS),
    ],
)
def test_a_norm_is_the_same_compiled_or_not(make_norm, mode, dtype, monkeypatch):
    norm = make_norm()
    norm.build(SHAPE)
    norm.gamma.assign(draw(2, SHAPE[-1:]))
    x = tf.cast(draw(0, SHAPE, mean=3.0), dtype)

    def measured():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, collected = norm(x, mode=mode, collect=True, relu=True)
        by = tape.gradient(
            y, [x, norm.gamma.value, norm.beta.value], tf.cast(draw(1, SHAPE), dtype)
        )
        return [y, *by, *tf.nest.flatten(collected)]

    compiled = measured()
    monkeypatch.setattr(fused, "pays", lambda x: False)
    tolerance = 2e-4 if dtype == "float32" else 2e-2
    for one, other in zip(compiled, measured(), strict=True):
        assert one.dtype == other.dtype
        one, other = (np.array(tf.cast(value, tf.float32)) for value in (one, other))
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(other).max())


def test_it_can_be_differentiated_twice():
    x, v = draw(0, SHAPE), draw(1, SHAPE)
    norm = GroupNorm(groups=4)
    norm.build(SHAPE)

    def curvature(normalize):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(normalize(x) ** 3)
            gradient = inner.gradient(loss, x)
        return outer.gradient(gradient, x, v)

    plain = curvature(lambda x: norm.transform(x, NormMode())[0])
    np.testing.assert_allclose(curvature(norm), plain, rtol=1e-3, atol=1e-3)


def test_another_transform_is_what_counts():
    class Doubled(GroupNorm):
        def transform(self, x, mode):
            return 2 * x, None

    norm = Doubled()
    norm.build(SHAPE)
    x = draw(0, SHAPE)
    np.testing.assert_array_equal(norm(x), 2 * x)
    assert not norm.takes_batch_inside(NormMode())


@pytest.mark.parametrize("shape", [(None, 24, 16, 24), (6, 4, 4, 3)])
def test_unknown_and_tiny_shapes_are_left_to_tensorflow(shape):
    norm = GroupNorm()
    norm.build(shape)
    function = tf.function(norm, input_signature=[tf.TensorSpec(shape)], autograph=False)
    graph = function.get_concrete_function().graph
    assert not [op for op in graph.get_operations() if "PartitionedCall" in op.type]
