"""The attack's convolutions against TensorFlow's own, differentiated by its own rules."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.models.fixed_convolution import FixedConvolution, batch_inside

SHAPES = [  # kernel size, stride, input channels, image height, image width
    (3, 1, 8, 6, 5),
    (1, 1, 8, 4, 4),
    (1, 1, 160, 2, 2),  # many weights beside few pixels
    (2, 1, 8, 5, 5),
    (1, 2, 8, 6, 6),
    (1, 2, 8, 7, 5),
    (1, 3, 8, 7, 8),
    (3, 2, 8, 6, 6),
    (3, 2, 8, 7, 5),
    (3, 2, 3, 6, 8),
    (3, 2, 3, 7, 6),
    (5, 2, 3, 8, 8),
    (7, 2, 3, 12, 16),
    (4, 2, 3, 8, 6),
]
NONE = ((0, 0), (0, 0))
PADDED = [  # the same, and the zeros before and after the rows and the columns
    ((3, 1, 8, 6, 5), NONE),
    ((2, 1, 8, 6, 5), ((1, 0), (0, 1))),
    ((3, 1, 8, 6, 5), ((4, 0), (0, 1))),  # more zeros than the kernel reaches
    ((1, 2, 8, 6, 6), NONE),
    ((1, 2, 8, 6, 6), ((1, 1), (1, 1))),
    ((3, 2, 8, 7, 5), ((1, 1), (1, 1))),
    ((3, 2, 3, 8, 8), ((1, 1), (1, 1))),
    ((3, 2, 3, 8, 8), ((0, 1), (0, 1))),
    ((3, 2, 3, 8, 8), ((0, 1), (1, 1))),
    ((3, 2, 3, 9, 7), ((1, 1), (1, 1))),
    ((7, 2, 3, 12, 16), ((3, 3), (3, 3))),
    ((7, 2, 3, 12, 16), NONE),
]
CASES = [*((shape, "SAME") for shape in SHAPES), *PADDED]


def draw(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def by_tensorflow(x, kernel, bias, stride, relu, padding):
    """Output and input gradient in float64, by autodiff of the plain operations."""
    x = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        explicit = padding if padding == "SAME" else [[0, 0], *padding, [0, 0]]
        y = tf.nn.conv2d(x, kernel, stride, explicit) + bias
        y = tf.nn.relu(y) if relu else y
        weights = draw(y.shape, 3)
        loss = tf.reduce_sum(y * weights)
    return weights, y.numpy(), tape.gradient(loss, x).numpy()


def batch_outside(x):
    return x if x.shape.rank == 4 else tf.transpose(x[0], [2, 0, 1, 3])


@pytest.mark.parametrize(("shape", "padding"), CASES, ids=str)
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("layout", ["outside", "inside", "unknown batch", "constant"])
def test_output_and_input_gradient(shape, padding, relu, layout):
    size, stride, channels, height, width = shape
    x, kernel = draw((4, height, width, channels), 0), draw((size, size, channels, 6), 1)
    bias = draw((6,), 2)
    weights, *expected = by_tensorflow(x, kernel, bias, stride, relu, padding)
    constants = (tf.constant(value, tf.float32) for value in (kernel, bias))
    unit = FixedConvolution(*constants, stride, relu, layout == "constant", padding)
    unknown = tf.TensorSpec((None, *x.shape[1:]), tf.float32)

    @tf.function(input_signature=[unknown] if layout == "unknown batch" else None)
    def found(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            inner = tf.transpose(x, [1, 2, 0, 3])[None] if layout == "inside" else x
            y = batch_outside(unit(inner))
            loss = tf.reduce_sum(y * tf.constant(weights, tf.float32))
        return y, tape.gradient(loss, x)

    for value, other in zip(found(tf.constant(x, tf.float32)), expected, strict=True):
        np.testing.assert_allclose(value, other, atol=2e-5 * np.abs(other).max())


@pytest.mark.parametrize(
    ("shape", "moved"),
    [
        ((32, 8, 8, 4), True),
        ((None, 8, 8, 4), True),
        ((32, 16, 16, 4), False),  # a row fills the tile
        ((4, 8, 8, 4), False),  # the batch is narrower still
    ],
)
def test_the_batch_moves_inside_where_it_is_the_wider(shape, moved):
    traced = tf.function(batch_inside).get_concrete_function(tf.TensorSpec(shape))
    assert (traced.structured_outputs.shape.rank == 5) == moved


def test_moving_inside_twice_is_moving_once():
    x = tf.constant(draw((32, 4, 4, 2), 0))
    inside = batch_inside(x)
    np.testing.assert_array_equal(inside[0, 1, 2, 3], x[3, 1, 2])
    assert batch_inside(inside) is inside
