"""Keras' linear layers, computed with given weights: what norms are folded into."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers, ops

from tfadv.models.fixed_convolution import Padding

_Weighted = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
LINEAR = (*_CONVOLUTIONS, *_DEPTHWISE, *_TRANSPOSED, layers.Dense)


def is_linear(operation: object) -> bool:
    """Returns whether an operation is one of Keras' own layers that multiplies by a kernel."""
    return type(operation) in LINEAR and not getattr(operation, "lora_enabled", False)


def kernel_of(layer: keras.layers.Layer) -> tf.Tensor:
    """Returns a linear layer's kernel, float32."""
    return tf.convert_to_tensor(layer.kernel)


def scaled(layer: keras.layers.Layer, kernel: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Returns the kernel with which a layer's outputs are multiplied by `scale` [C_out]."""
    if isinstance(layer, _DEPTHWISE):
        return kernel * tf.reshape(scale, kernel.shape[-2:])
    return kernel * (scale[:, tf.newaxis] if isinstance(layer, _TRANSPOSED) else scale)


def computed(layer: keras.layers.Layer, padding: Padding | None) -> _Weighted:
    """Returns a layer's product, without bias and activation, as a function of x and kernel.

    Args:
        layer: a linear one.
        padding: zeros that an undone `ZeroPadding2D` before it would add.
    """
    if isinstance(layer, layers.Dense):
        return ops.matmul
    how = {
        "strides": layer.strides,
        "padding": layer.padding,
        "dilation_rate": layer.dilation_rate,
        "data_format": layer.data_format,
    }
    if isinstance(layer, _TRANSPOSED):
        spread = layer.output_padding
        return lambda x, kernel: ops.conv_transpose(x, kernel, output_padding=spread, **how)
    product = ops.depthwise_conv if isinstance(layer, _DEPTHWISE) else ops.conv
    zeros = [[0, 0], *padding, [0, 0]] if padding else None

    def convolution(x, kernel):
        return product(tf.pad(x, zeros) if zeros else x, kernel, **how)

    return convolution


def plain_padding(layer: keras.layers.Layer, padding: Padding | None) -> Padding | None:
    """Returns the padding with which `FixedConvolution` computes a layer, None if it can't."""
    if type(layer) is not layers.Conv2D or layer.groups > 1 or set(layer.dilation_rate) != {1}:
        return None
    if len(set(layer.kernel_size)) > 1 or len(set(layer.strides)) > 1:
        return None
    if layer.padding == "same":
        return None if padding else "SAME"
    return padding or ((0, 0), (0, 0))
