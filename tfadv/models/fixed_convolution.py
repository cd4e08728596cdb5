"""Convolutions with fixed weights: all that an attack's forward and backward need.

An attack differentiates by the images alone, many times with the same weights.
So the backward kernels are prepared once, each convolution's input gradient
takes the formulation that runs fastest on a CPU, and narrow feature maps are
rearranged so that the batch fills the vector units.
"""

import tensorflow as tf

# How many neighbouring pixels a CPU's matrix unit takes at once.
TILE = 16


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
        stride: of the convolution, TensorFlow's 'SAME' padding.
        relu: whether a ReLU follows.
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
    ):
        self._kernel = kernel
        self._bias = bias
        self._stride = stride
        self._relu = relu
        size, inputs = kernel.shape[0], kernel.shape[2]
        self._spreads = stride > 1 and size == 1
        self._regroups = stride > 1 and size > 1 and inputs * stride**2 <= TILE
        self._adjoint = None
        if self._regroups:
            self._adjoint = _adjoint(_regrouped(kernel, stride))
        elif self._spreads or (stride == 1 and size % 2 == 1):
            self._adjoint = _adjoint(kernel)
        if constant:
            self._kernel, self._bias, self._adjoint = (
                None if weights is None else weights.numpy()
                for weights in (self._kernel, self._bias, self._adjoint)
            )

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Computes the unit on `x`, in either layout of `batch_inside`."""

        @tf.custom_gradient
        def compute(x):
            y = _convolution(x, self._kernel, self._stride)
            y = y if self._bias is None else tf.nn.bias_add(y, self._bias)
            y = tf.nn.relu(y) if self._relu else y

            def gradient(dy):
                dy = tf.raw_ops.ReluGrad(gradients=dy, features=y) if self._relu else dy
                return self._input_gradient(dy, x)

            return y, gradient

        return compute(x)

    def _input_gradient(self, dy, x):
        """Returns the gradient by `x` from that of the convolution."""
        whole = x.shape.rank == 4 and not (x.shape[1] % self._stride or x.shape[2] % self._stride)
        if self._adjoint is None or (self._regroups and not whole):
            return _by_operation(dy, x, self._kernel, self._stride)
        if self._regroups:
            dx = tf.nn.conv2d(dy, self._adjoint, 1, self._regrouped_padding())
            return tf.nn.depth_to_space(dx, self._stride)
        dx = _convolution(dy, self._adjoint, 1)
        return _spread(dx, self._stride, x) if self._spreads else dx

    def _regrouped_padding(self):
        taps = self._adjoint.shape[0]
        before = -(-((self._kernel.shape[0] - self._stride) // 2) // self._stride)
        sides = [taps - 1 - before, before]
        return [[0, 0], sides, sides, [0, 0]]


def _convolution(x, kernel, stride):
    if x.shape.rank == 5:
        return tf.nn.conv3d(x, kernel[:, :, tf.newaxis], (1, stride, stride, 1, 1), "SAME")
    return tf.nn.conv2d(x, kernel, stride, "SAME")


def _adjoint(kernel):
    return tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])


def _by_operation(dy, x, kernel, stride):
    if x.shape.rank == 4:
        return tf.nn.conv2d_transpose(dy, kernel, tf.shape(x), stride, "SAME")
    return tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=tf.shape(x),
        filter=kernel[:, :, tf.newaxis],
        out_backprop=dy,
        strides=(1, stride, stride, 1, 1),
        padding="SAME",
    )


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


def _regrouped(kernel, stride):
    """Returns the kernel that takes stride² neighbouring pixels as channels of one.

    A few input channels (an image's three) leave a tile empty; `stride`² times
    as many fill it, and the convolution's stride is gone.
    """
    size, inputs, outputs = kernel.shape[0], kernel.shape[2], kernel.shape[3]
    front = -((size - stride) // 2) % stride  # aligns the padding with the groups
    taps = -(-(front + size) // stride)
    sides = [front, taps * stride - front - size]
    grouped = tf.pad(kernel, [sides, sides, [0, 0], [0, 0]])
    grouped = tf.reshape(grouped, (taps, stride, taps, stride, inputs, outputs))
    grouped = tf.transpose(grouped, [0, 2, 1, 3, 4, 5])
    return tf.reshape(grouped, (taps, taps, stride**2 * inputs, outputs))
