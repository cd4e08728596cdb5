"""Convolutions with fixed weights: all that an attack's forward and backward need.

An attack differentiates by the images alone, many times with the same weights.
So the backward kernels are prepared once, each convolution's input gradient
takes the formulation that runs fastest on a CPU, and narrow feature maps are
rearranged so that the batch fills the vector units.
"""

import copy
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfadv.devices.custom_gradients import custom_gradient

# How many neighbouring pixels a CPU's matrix unit takes at once.
TILE = 16
# TensorFlow's 'SAME', or the zeros before and after the rows and the columns.
Padding = str | tuple[tuple[int, int], tuple[int, int]]


def batch_inside(x: tf.Tensor) -> tf.Tensor:
    """Moves the batch next to the channels where the feature maps are narrow.

    CPU kernels tile a convolution over its innermost spatial dimension, and a
    row of 8 pixels or fewer leaves most of a tile empty. As the innermost
    dimension of a 3-D convolution the batch fills it, padding costs nothing
    and strides skip whole rows.

    Args:
        x: [N, H, W, C], or what this function returned.

    Returns:
        [1, H, W, N, C] if that fills tiles better, else `x` as it is.
    """
    if x.shape.rank != 4 or (x.shape[2] or TILE) >= min(x.shape[0] or TILE, TILE):
        return x
    return tf.transpose(x, [1, 2, 0, 3])[tf.newaxis]


class FixedConvolution:
    """A convolution with fixed weights, its bias and ReLU, quick to differentiate.

    Its gradient goes to the input alone, never to the weights.

    Args:
        kernel: [k, k, C_in, C_out].
        bias: [C_out], or None for no bias.
        stride: of the convolution.
        relu: whether a ReLU follows.
        padding: ``SAME``, or how many zeros are before and after the rows and columns.
        constant: makes the weights, which must be eager tensors, constants of
            the graphs that call this: oneDNN then packs them once.
    """

    def __init__(
        self,
        kernel: tf.Tensor,
        bias: tf.Tensor | None,
        stride: int,
        relu: bool,
        constant: bool = False,
        padding: Padding = "SAME",
    ):
        self._kernel = kernel
        self._bias = bias
        self._stride = stride
        self._relu = relu
        self._padding = padding
        size, inputs = kernel.shape[0], kernel.shape[2]
        # A stride that divides the image has 'SAME' begin so.
        self._before = (size - stride) // 2 if padding == "SAME" else padding[0][0]
        self._spreads = stride > 1 and size == 1 and not _adds(padding)
        self._regroups = stride > 1 and size > 1 and inputs * stride**2 <= TILE
        self._adjoint, self._adjoint_padding = None, _adjoint_padding(padding, size)
        if self._regroups:
            self._adjoint = _adjoint(_regrouped(kernel, stride, self._before))
        elif self._spreads or (stride == 1 and self._adjoint_padding):
            self._adjoint = _adjoint(kernel)
        if constant:
            self._kernel, self._bias, self._adjoint = (
                None if weights is None else weights.numpy()
                for weights in (self._kernel, self._bias, self._adjoint)
            )

    @property
    def weights(self) -> tuple[tf.Tensor, ...]:
        """What was prepared of the weights."""
        kept = (self._kernel, self._bias, self._adjoint)
        return tuple(weights for weights in kept if weights is not None)

    def of(self, unit: object, weights: Sequence[tf.Tensor]) -> "FixedConvolution":
        """Returns the convolution of a unit that is alike, of that one's `weights`."""
        given, found = iter(weights), copy.copy(self)
        found._kernel, found._bias, found._adjoint = (
            None if weights is None else next(given)
            for weights in (self._kernel, self._bias, self._adjoint)
        )
        return found

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Computes the unit on `x`, in either layout of `batch_inside`."""

        @custom_gradient
        def compute(x):
            y = _convolution(x, self._kernel, self._stride, self._padding, self._finished)

            def gradient(dy):
                dy = tf.raw_ops.ReluGrad(gradients=dy, features=y) if self._relu else dy
                with tf.name_scope("gradient_tape"):  # as what TensorFlow's tape adds
                    return self._input_gradient(dy, x)

            return y, gradient

        return compute(x)

    def _finished(self, y):
        """Returns the unit's output from its convolution's."""
        y = y if self._bias is None else tf.nn.bias_add(y, self._bias)
        return tf.nn.relu(y) if self._relu else y

    def _input_gradient(self, dy, x):
        """Returns the gradient by `x` from that of the convolution."""
        grouped = self._regroups and x.shape.rank == 4 and self._divides(dy, x)
        if self._adjoint is None or (self._regroups and not grouped):
            return _by_operation(dy, x, self._kernel, self._stride, self._padding)
        if grouped:
            dx = tf.nn.conv2d(dy, self._adjoint, 1, self._regrouped_padding())
            return tf.nn.depth_to_space(dx, self._stride)
        dx = _convolution(dy, self._adjoint, 1, self._adjoint_padding)
        return _spread(dx, self._stride, x) if self._spreads else dx

    def _divides(self, dy, x):
        """Returns whether every `stride` squared pixels make one, in both directions alike."""
        alike = self._padding == "SAME" or self._padding[0][0] == self._padding[1][0]
        sides = zip(x.shape[1:3], dy.shape[1:3], strict=True)
        return alike and all(side == made * self._stride for side, made in sides)

    def _regrouped_padding(self):
        taps, before = self._adjoint.shape[0], -(-self._before // self._stride)
        sides = [taps - 1 - before, before]
        return [[0, 0], sides, sides, [0, 0]]


def _convolution(x, kernel, stride, padding, finished=lambda y: y):
    """Convolves, and returns what `finished` makes of it, channels last in any layout."""
    if x.shape.rank == 4:
        return finished(tf.nn.conv2d(x, kernel, stride, for_tensorflow(padding)))
    if _is_product(x, kernel, stride, padding):
        return _product(x, kernel, finished)
    x, padding = _padded(x, padding)
    strides = (1, stride, stride, 1, 1)
    return finished(tf.nn.conv3d(x, kernel[:, :, tf.newaxis], strides, padding))


def _is_product(x, kernel, stride, padding):
    """Returns whether a matrix product convolves [1, H, W, N, C] faster.

    oneDNN packs a convolution's weights in every call unless they are constants, and a matrix
    product's not as a whole: where the outputs are few, that is up to a third of the time.
    """
    packed_once = isinstance(kernel, np.ndarray)
    if packed_once or stride > 1 or kernel.shape[0] > 1 or _adds(padding):
        return False
    if not x.shape.is_fully_defined():
        return False
    return 2 * math.prod(x.shape[1:4]) <= max(kernel.shape[2:])


def _product(x, kernel, finished):
    """Multiplies the channels of `x` by a 1x1 kernel; a bias and ReLU fuse with two dimensions."""
    y = finished(tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), tf.squeeze(kernel, [0, 1])))
    return tf.reshape(y, [*x.shape[:-1], y.shape[-1]])


def _adds(padding):
    """Returns whether there may be zeros around the image."""
    return padding != "SAME" and any(map(any, padding))


def for_tensorflow(padding: Padding) -> str | list[list[int]]:
    """Returns the padding of maps [N, H, W, C] as TensorFlow's operations take it."""
    return padding if padding == "SAME" else [[0, 0], *map(list, padding), [0, 0]]


def _padded(x, padding):
    """Returns [1, H, W, N, C] with its zeros, and the padding that is left to do."""
    if padding == "SAME":
        return x, padding
    return (tf.pad(x, [[0, 0], *padding, [0, 0], [0, 0]]) if _adds(padding) else x), "VALID"


def _adjoint(kernel):
    return tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])


def _adjoint_padding(padding, size):
    """Returns the padding of the input gradient at stride 1, None where it would cut."""
    if padding == "SAME":
        return padding if size % 2 else None
    left = tuple(tuple(size - 1 - zeros for zeros in side) for side in padding)
    return left if min(map(min, left)) >= 0 else None


def _by_operation(dy, x, kernel, stride, padding):
    if x.shape.rank == 4:
        return tf.nn.conv2d_transpose(dy, kernel, tf.shape(x), stride, for_tensorflow(padding))
    padded, left = _padded(x, padding)
    dx = tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=tf.shape(padded),
        filter=kernel[:, :, tf.newaxis],
        out_backprop=dy,
        strides=(1, stride, stride, 1, 1),
        padding=left,
    )
    if left == "SAME":
        return dx
    (top, _), (before, _) = padding
    height, width = x.shape[1:3]
    return dx[:, top : top + height, before : before + width]


def _spread(dy, stride, x):
    """Puts the pixels of `dy` where a stride took them from `x`, zeros between them."""
    zeros_after = [[0, 0], [0, stride - 1]]
    unchanged = [[0, 0]] * (dy.shape.rank - 3)
    spread = tf.pad(
        dy[:, :, tf.newaxis, :, tf.newaxis], [[0, 0], *zeros_after, *zeros_after, *unchanged]
    )
    shape, (height, width) = tf.shape(dy), x.shape[1:3]
    sides = shape[1:3] * stride
    spread = tf.reshape(spread, tf.concat([shape[:1], sides, shape[3:]], 0))
    return spread[:, :height, :width] if (height % stride or width % stride) else spread


def _regrouped(kernel, stride, before):
    """Returns the kernel that takes stride² neighbouring pixels as channels of one.

    A few input channels (an image's three) leave a tile empty; `stride`² times
    as many fill it, and the convolution's stride is gone.
    """
    size, inputs, outputs = kernel.shape[0], kernel.shape[2], kernel.shape[3]
    front = -before % stride  # aligns the padding with the groups
    taps = -(-(front + size) // stride)
    sides = [front, taps * stride - front - size]
    grouped = tf.pad(kernel, [sides, sides, [0, 0], [0, 0]])
    grouped = tf.reshape(grouped, (taps, stride, taps, stride, inputs, outputs))
    grouped = tf.transpose(grouped, [0, 2, 1, 3, 4, 5])
    return tf.reshape(grouped, (taps, taps, stride**2 * inputs, outputs))
