"""What the networks of this package are built of, beside Keras' own layers."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfadv.models.functional.graph import walk
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.preparation import Preparation
from tfadv.models.functional.replaced import with_norms
from tfadv.norms.base import Norm

# He et al.'s: variance 2 / fan out.
HE = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


@keras.saving.register_keras_serializable("tfadv")
class LayerScale(layers.Layer):
    """Multiplies each channel by a weight of its own (Touvron et al., 2021).

    Args:
        start: of the weights.
        name: the layer's name.
    """

    def __init__(self, start: float = 1e-6, name: str | None = None, **keras_own):
        super().__init__(name=name, **keras_own)
        self.start = start

    def build(self, input_shape):
        """Makes the weights, float32 [C]."""
        initial = keras.initializers.Constant(self.start)
        self.gamma = self.add_weight((input_shape[-1],), initial, name="layer_scale")

    def call(self, x):
        """Returns `x` [N, …, C] times the weights."""
        return x * self.gamma

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "start": self.start}


def conv(
    x,
    filters: int,
    size: int,
    stride: int = 1,
    bias: bool = False,
    name: str | None = None,
    groups: int = 1,
):
    """Returns a square convolution of maps, padded as PyTorch's networks are.

    Args:
        x: [N, H, W, C].
        filters: channels to come.
        size: of the kernel.
        stride: of the convolution.
        bias: whether it has one.
        name: the layer's name.
        groups: parts of the channels that are convolved apart.
    """
    before = (size - 1) // 2
    if stride > 1 and before:
        x = layers.ZeroPadding2D(before)(x)
    padding = "valid" if stride > 1 else "same"
    how = {"groups": groups, "use_bias": bias, "kernel_initializer": HE, "name": name}
    return layers.Conv2D(filters, size, stride, padding, **how)(x)


def activated(x, activation: str, name: str):
    """Returns maps after a norm and an activation.

    Args:
        x: [N, H, W, C].
        activation: of Keras', such as ``relu`` or ``silu``.
        name: what the norm's begins with.
    """
    x = normalized(x, name)
    return layers.ReLU()(x) if activation == "relu" else layers.Activation(activation)(x)


def normalized(x, name: str):
    """Returns maps after a norm.

    Args:
        x: [N, H, W, C].
        name: what the norm's begins with.
    """
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def preactivation_block(x, filters: int, stride: int, activation: str, name: str):
    """Returns the sum of two 3x3 convolutions, each after its norm, and of a shortcut.

    The shortcut is a convolution of what the first norm and activation leave where the
    shape changes (He et al., 2016, "Identity mappings").

    Args:
        x: [N, H, W, C].
        filters: channels to come.
        stride: of the first convolution.
        activation: see `activated`.
        name: what the layers' begin with.
    """
    first = activated(x, activation, f"{name}_first")
    changes = stride > 1 or x.shape[-1] != filters
    shortcut = conv(first, filters, 1, stride, name=f"{name}_shortcut") if changes else x
    y = conv(first, filters, 3, stride, name=f"{name}_first")
    y = conv(activated(y, activation, f"{name}_second"), filters, 3, name=f"{name}_second")
    return layers.Add()([y, shortcut])


def network(
    name: str,
    images: keras.KerasTensor,
    logits: keras.KerasTensor,
    make_norm: Callable[..., Norm],
    pixel_mean: float | Sequence[float],
    pixel_std: float | Sequence[float],
) -> KerasNetwork:
    """Returns a network from symbolic images to logits, its norms those of the run."""
    replaced = (layers.BatchNormalization, layers.LayerNormalization)
    graph = with_norms(walk(keras.Model(images, logits)), make_norm, replaced)
    preparation = Preparation.of(pixel_mean, pixel_std, "RGB")
    return KerasNetwork(graph, preparation, graph.images.shape[1:], name)
