"""Linear layers with the norms, ReLUs and zero padding beside them, as one unit each."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfadv.models.fixed_convolution import FixedConvolution, Padding
from tfadv.models.functional import linear
from tfadv.models.functional.graph import Call, Graph
from tfadv.models.functional.replaced import is_relu
from tfadv.norms.base import Collected, Norm
from tfadv.norms.mode import NormMode


class LinearUnit:
    """A linear layer, and what goes before and after it alone.

    Where the norm is a fixed map per channel, the kernel is multiplied by its scale and
    the offset joins the bias: no normalization is left to compute. The computation runs in
    the dtype of its input; variables stay float32.

    Attributes:
        layer: as given.
        norm: as given.
        padding: as given.
        relu: whether it ends in a ReLU, of the layer's own or one that follows.

    Args:
        layer: see `linear.LINEAR`.
        norm: of its output; None where none takes it.
        padding: zeros before and after rows and columns that a `ZeroPadding2D` adds before.
        relu: whether a ReLU follows.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        norm: Norm | None = None,
        padding: Padding | None = None,
        relu: bool = False,
    ):
        self.layer = layer
        self.norm = norm
        self.relu = relu or layer.activation is keras.activations.relu
        self.padding = padding
        self._computed = linear.computed(layer, padding)

    @property
    def is_plain(self) -> bool:
        """Whether `FixedConvolution` computes it."""
        return linear.plain_padding(self.layer, self.padding) is not None

    def fixed(
        self, mode: NormMode, dtype: tf.DType, constant: bool = False
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns the unit with the weights of now, ready to be used many times.

        Args:
            mode: how the norm acts.
            dtype: of the product, of its input and of its output.
            constant: see `FixedConvolution`.

        Returns:
            A function whose gradient goes to its input alone.
        """
        kernel, bias, folds = self.weights(mode, dtype)
        kernel = tf.stop_gradient(kernel)
        bias = None if bias is None else tf.stop_gradient(bias)
        if constant:
            kernel, bias = kernel.numpy(), None if bias is None else bias.numpy()
        if self.is_plain:
            padding = linear.plain_padding(self.layer, self.padding)
            kernel, bias = (None if w is None else tf.convert_to_tensor(w) for w in (kernel, bias))
            fused = self.relu and (folds or not self.norm)
            product = FixedConvolution(
                kernel, bias, self.layer.strides[0], fused, constant, padding
            )
            if fused:
                return product
        else:

            def product(x):
                return self.product(x, kernel, bias)

        if folds or not self.norm:
            return lambda x: self._activated(product(x))
        return lambda x: self._activated(self.norm(product(x), mode=mode))

    def __call__(self, x: tf.Tensor, mode: NormMode) -> tuple[tf.Tensor, Collected]:
        """Returns the unit's output, and the statistics that `mode` says to write."""
        kernel, bias, folds = self.weights(mode, x.dtype)
        y, collected = self.product(x, kernel, bias), {}
        if self.norm and not folds:
            y, collected = self.norm(y, mode=mode, collect=True)
        return self._activated(y), collected

    def product(self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
        """Returns what the layer makes of `x` with given weights, before norm and activation."""
        y = self._computed(x, kernel)
        return y if bias is None else y + bias

    @property
    def kernel(self) -> tf.Tensor:
        """The layer's kernel as its norm wants it, float32."""
        kernel = linear.kernel_of(self.layer)
        if self.norm and type(self.layer) is keras.layers.Conv2D:
            kernel = self.norm.prepare_kernel(kernel)
        return kernel

    def weights(self, mode: NormMode, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor | None, bool]:
        """Returns kernel and bias as `mode` has them, and whether the norm is folded in."""
        kernel = self.kernel
        bias = tf.convert_to_tensor(self.layer.bias) if self.layer.use_bias else None
        affine = self.norm.affine(mode) if self.norm else None
        if affine is not None:
            scale, offset = affine
            kernel = linear.scaled(self.layer, kernel, scale)
            bias = offset if bias is None else bias * scale + offset
        return tf.cast(kernel, dtype), None if bias is None else tf.cast(bias, dtype), bool(affine)

    def _activated(self, x):
        x = tf.nn.relu(x) if self.relu else x
        activation = self.layer.activation
        known = (keras.activations.linear, keras.activations.relu)
        return x if activation in known else activation(x)


def folded(graph: Graph) -> Graph:
    """Returns the network with its linear layers as units, all else as it was."""
    consumers = graph.consumers()
    paddings = {id(call.output): call for call in graph.calls if _is_padding(call.operation)}
    gone: set[int] = set()
    calls = []

    def alone(output) -> Call | None:
        """Returns the only call that takes a tensor."""
        takers = consumers[id(output)]
        return takers[0] if len(takers) == 1 else None

    for call in graph.calls:
        if not linear.is_linear(call.operation):
            calls.append(call)
            continue
        layer, (x,) = call.operation, call.inputs
        norm, padding, relu, output = None, None, False, call.output
        before, after = paddings.get(id(x)), alone(output)
        pads = before and getattr(layer, "padding", "") == "valid" and alone(x) is call
        if pads and isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            padding, x = before.operation.padding, before.inputs[0]
            gone.add(id(before))
        if layer.activation is keras.activations.linear:
            if after and isinstance(after.operation, Norm):
                norm, output = after.operation, after.output
                gone.add(id(after))
                after = alone(output)
            if after and is_relu(after.operation):
                relu, output = True, after.output
                gone.add(id(after))
        calls.append(Call(LinearUnit(layer, norm, padding, relu), ((x,), {}), output))
    return Graph(graph.images, tuple(c for c in calls if id(c) not in gone), graph.logits)


def _is_padding(operation: object) -> bool:
    return isinstance(operation, keras.layers.ZeroPadding2D)
