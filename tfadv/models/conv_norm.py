"""A convolution and its norm as one unit, folded wherever that is exact."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tfadv.norms.base import INFERENCE, Norm, NormMode, Record


class Prepared(NamedTuple):
    """A unit's weights, ready to be used many times.

    Attributes:
        kernel: [k, k, C_in, C_out] in the dtype of the computation.
        bias: [C_out] in that dtype where the norm is folded in, else None.
    """

    kernel: tf.Tensor
    bias: tf.Tensor | None


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
        stride: of the convolution, TensorFlow's 'SAME' padding.
        relu: whether a ReLU follows.
        name: the layer's name.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        norm: Norm,
        stride: int = 1,
        relu: bool = True,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.filters = filters
        self.kernel_size = kernel_size
        self.norm = norm
        self.stride = stride
        self.relu = relu

    def build(self, input_shape: Sequence[int | None]):
        """Makes the kernel (variance scaling 2, fan out) and the norm's variables."""
        self.kernel = self.add_weight(
            (self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
            name="kernel",
        )
        self.norm.build((*input_shape[:-1], self.filters))

    def prepare(self, mode: NormMode, dtype: tf.DType) -> Prepared:
        """Returns the weights for `mode`, with the norm folded in if it offers its map."""
        affine = self.norm.affine(mode)
        if affine is None:
            return Prepared(tf.cast(self.kernel, dtype), None)
        scale, offset = affine
        return Prepared(tf.cast(self.kernel * scale, dtype), tf.cast(offset, dtype))

    def apply(
        self, x: tf.Tensor, mode: NormMode, prepared: Prepared, record: Record | None = None
    ) -> tf.Tensor:
        """Computes the unit with prepared weights; `x` is [N, H, W, C_in] in their dtype."""
        x = tf.nn.conv2d(x, prepared.kernel, self.stride, "SAME")
        folded = prepared.bias is not None
        x = tf.nn.bias_add(x, prepared.bias) if folded else self.norm(x, mode=mode, record=record)
        return tf.nn.relu(x) if self.relu else x

    def call(
        self, x: tf.Tensor, mode: NormMode = INFERENCE, record: Record | None = None
    ) -> tf.Tensor:
        """Computes the unit on `x` [N, H, W, C_in]; see `Norm.call`."""
        return self.apply(x, mode, self.prepare(mode, x.dtype), record)
