"""A convolution and its norm as one unit, folded wherever that is exact."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv.models.fixed_convolution import FixedConvolution, Padding, for_tensorflow
from tfadv.models.norm_place import NormPlace
from tfadv.norms.base import Collected, Norm
from tfadv.norms.mode import INFERENCE, NormMode

# What kernels can be drawn from, at the same variance.
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal")
# Where zeros go around a map: TensorFlow's 'SAME', which has the odd one at the end, or as many
# on every side, as in PyTorch's networks.
PADDINGS = ("same", "symmetric")


def padding_of(padding: str, size: int, stride: int) -> Padding:
    """Returns the zeros that a square window needs around a map.

    Args:
        padding: one of `PADDINGS`.
        size: of the window, odd.
        stride: of the window; at 1 both are alike.
    """
    if padding == "same" or stride == 1:
        return "SAME"
    zeros = (size - 1) // 2
    return (zeros, zeros), (zeros, zeros)


class ConvNorm(keras.layers.Layer):
    """Convolution without bias, norm, and perhaps a ReLU.

    Where the norm is a fixed map per channel (batch norm on running
    statistics), the kernel is multiplied by its scale and the offset becomes
    the bias: no normalization is left to compute, forward or backward. The
    computation runs in the dtype of its input; variables stay float32.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel.
        norm: the norm layer, owned by this unit.
        stride: of the convolution.
        relu: whether a nonlinearity follows: ReLU, or the norm's own.
        name: the layer's name.
        initializer: one of `DISTRIBUTIONS`, of the kernel before training.
        padding: one of `PADDINGS`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        norm: Norm,
        stride: int = 1,
        relu: bool = True,
        name: str | None = None,
        initializer: str = "truncated_normal",
        padding: str = "same",
    ):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.filters = filters
        self.kernel_size = kernel_size
        self.norm = norm
        self.stride = stride
        norm.activated = relu
        self.relu = relu and not norm.activates
        self.initializer = initializer
        self.padding = padding_of(padding, kernel_size, stride)

    @property
    def place(self) -> NormPlace:
        """The norm with its convolution and nonlinearity; its unit's parent is the block."""
        parts = self.norm.path.split("/")[:-1] or [self.norm.name]
        size = f"{self.kernel_size}×{self.kernel_size} convolution"
        after = "ReLU" if self.relu else "next layer"
        return NormPlace(self.norm, "/".join(parts), parts[0], size, after)

    def build(self, input_shape: Sequence[int | None]):
        """Makes the kernel (variance scaling 2, fan out) and the norm's variables.

        TensorFlow 1's ``variance_scaling_initializer``, the released pipeline's, cuts the
        normal distribution at two deviations and widens it to the same variance, as
        Keras' ``truncated_normal`` does.
        """
        self.kernel = self.add_weight(
            (self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            keras.initializers.VarianceScaling(2.0, "fan_out", self.initializer),
            name="kernel",
        )
        self.norm.build((*input_shape[:-1], self.filters))

    def fixed(
        self, mode: NormMode, dtype: tf.DType, constant: bool = False
    ) -> "FixedConvolution | FixedConvNorm":
        """Returns the unit with the weights of now, ready to be used many times.

        Args:
            mode: how the norm acts.
            dtype: of the convolution, and of its input and output.
            constant: see `FixedConvolution`.

        Returns:
            A function of x [N, H, W, C_in] whose gradient goes to x alone.
        """
        kernel, bias = self._weights(mode, dtype)
        if bias is not None:
            return FixedConvolution(kernel, bias, self.stride, self.relu, constant, self.padding)
        convolution = FixedConvolution(kernel, None, self.stride, False, constant, self.padding)
        return FixedConvNorm(self, convolution, mode)

    def call(
        self, x: tf.Tensor, mode: NormMode = INFERENCE, collect: bool = False
    ) -> tf.Tensor | tuple[tf.Tensor, Collected]:
        """Computes the unit on `x` [N, H, W, C_in]; see `Norm.call`."""
        kernel, bias = self._weights(mode, x.dtype)
        x = tf.nn.conv2d(x, kernel, self.stride, for_tensorflow(self.padding))
        if bias is not None:
            y = tf.nn.bias_add(x, bias)
            y = tf.nn.relu(y) if self.relu else y
            return (y, {}) if collect else y
        return self.norm(x, mode=mode, collect=collect, relu=self.relu)

    def _weights(self, mode, dtype):
        """Returns kernel and bias, with the norm folded in if it offers its map."""
        kernel = self.norm.prepare_kernel(tf.convert_to_tensor(self.kernel))
        affine = self.norm.affine(mode)
        if affine is None:
            return tf.cast(kernel, dtype), None
        scale, offset = affine
        return tf.cast(kernel * scale, dtype), tf.cast(offset, dtype)


class FixedConvNorm:
    """A unit with a fixed kernel, whose norm depends on what it normalizes.

    Args:
        unit: whose norm it is.
        convolution: the unit's, fixed.
        mode: how the norm acts.
    """

    def __init__(self, unit: ConvNorm, convolution: FixedConvolution, mode: NormMode):
        self._unit = unit
        self._convolution = convolution
        self._mode = mode

    @property
    def weights(self) -> tuple[tf.Tensor, ...]:
        """What was prepared of the convolution's weights; the norm reads its own."""
        return self._convolution.weights

    def of(self, unit: ConvNorm, weights: Sequence[tf.Tensor]) -> "FixedConvNorm":
        """Returns this of a unit that is alike, and of that one's `weights`."""
        return FixedConvNorm(unit, self._convolution.of(unit, weights), self._mode)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Computes the unit on `x`, in either layout of `batch_inside` if the norm takes both."""
        unit, y = self._unit, self._convolution(x)
        if y.shape.rank == 5:
            return unit.norm.batch_inside(y, self._mode, unit.relu)
        return unit.norm(y, mode=self._mode, relu=unit.relu)
