"""A network's branch as a plain Keras model of Keras' own layers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfadv.errors import UserError
from tfadv.models.conv_norm import ConvNorm, padding_of
from tfadv.models.fixed_convolution import Padding
from tfadv.models.functional.folding import LinearUnit
from tfadv.models.functional.graph import Call
from tfadv.models.functional.names import unique
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.resnet import ResNet
from tfadv.norms.base import Norm
from tfadv.norms.mode import NormMode
from tfadv.pixels import PIXEL_RANGE, PixelRange, to_pixels, units_per_pixel


def keras_form(
    model: ResNet | KerasNetwork,
    branch: str | None = None,
    pixel_range: PixelRange = PIXEL_RANGE,
    fold: bool = False,
) -> keras.Model:
    """Returns a functional model that loads wherever Keras does.

    Args:
        model: a network whose norms have a `Norm.stock_layer`.
        branch: which of its branches; None takes the default one.
        pixel_range: of the images that it takes.
        fold: whether to fold norms that are fixed maps into the linear layers before them.

    Returns:
        A model from float32 images [N, H, W, C] to logits, with copies of the
        weights.

    Raises:
        UserError: Keras has no layer like the norm, or the model is neither a ResNet nor made
            of a Keras model.
    """
    if branch is not None and branch not in model.branches:
        raise UserError(f"no branch '{branch}'; there are {', '.join(model.branches)}")
    stock, weights = _form(model, branch, pixel_range, fold)
    for layer, values, _ in weights:
        layer.set_weights([keras.ops.convert_to_numpy(value) for value in values])
    return stock


def form_and_parts(model: ResNet | KerasNetwork) -> tuple[keras.Model, dict[int, object]]:
    """Returns the form of a network's default branch, and what each layer of it stands for.

    Returns:
        The model, without the weights; and the `ConvNorm` (of a convolution), `Norm` or Keras
        layer of the network by the ``id`` of its layers that have weights.

    Raises:
        UserError: see `keras_form`.
    """
    stock, weights = _form(model, None, PIXEL_RANGE, False)
    return stock, {id(layer): part for layer, _, part in weights}


def _form(model, branch, pixel_range, fold):
    """Returns the model of Keras' layers; and of each with weights what these are to be, and
    the network's part that they are of."""
    if not isinstance(model, ResNet | KerasNetwork):
        raise UserError(f"{type(model).__name__} has no form of Keras' layers")
    form = _of_resnet if isinstance(model, ResNet) else _of_network
    return form(model, branch, pixel_range, fold)


def _of_network(network: KerasNetwork, branch, pixel_range, fold):
    """Returns the model of copies of the layers; see `_form`."""
    copies = _Copies(network, branch)

    def apply(call: Call, arguments: tuple, named: dict):
        operation = call.operation
        named = {name: value for name, value in named.items() if name != "training"}
        if isinstance(operation, LinearUnit):
            return copies.folded(operation, arguments[0])
        copied = isinstance(operation, layers.Layer)
        return (copies.of(operation) if copied else operation)(*arguments, **named)

    images = keras.Input(network.image_shape)
    prepare = network.prepare
    x = images if prepare.color == "RGB" else keras.ops.flip(images, -1)
    x = _rescaling(prepare.mean, prepare.std, pixel_range, copies.name_of("pixels"))(x)
    logits = (network.folded if fold else network.graph).run(x, apply)
    return keras.Model(images, logits, name=network.name), copies.weights


class _Copies:
    """Keras' layers in place of a network's, one for each; `weights` as `_form` returns them."""

    def __init__(self, network: KerasNetwork, branch: str | None):
        self._branch = branch
        self._made: dict[tuple[int, ...], layers.Layer] = {}
        self._names = {call.operation.name for call in network.graph.calls}
        self.weights: list[tuple[layers.Layer, list, layers.Layer]] = []
        units = [c.operation for c in network.folded.calls if isinstance(c.operation, LinearUnit)]
        self._unit_of = {id(unit.layer): unit for unit in units}

    def name_of(self, added: str) -> str:
        """Returns the name of a layer that the network doesn't have."""
        return unique(added, self._names)

    def of(self, layer: layers.Layer) -> layers.Layer:
        """Returns a layer's copy, or the layer of Keras that is like a norm."""
        if (id(layer),) not in self._made:
            if isinstance(layer, Norm):
                copy, weights = _stock_norm(layer, self._branch)
                copy.name = layer.name
            else:
                copy = type(layer).from_config(layer.get_config())
                unit = self._unit_of.get(id(layer))
                weights = layer.weights if unit is None else [unit.kernel, *layer.weights[1:]]
            self._made[id(layer),] = copy
            self.weights.append((copy, weights, layer))
        return self._made[id(layer),]

    def folded(self, unit: LinearUnit, x: keras.KerasTensor) -> keras.KerasTensor:
        """Returns what a unit makes of `x`, in which its norm is folded if it can be."""
        *weights, folds = unit.weights(NormMode(self._branch), tf.float32)
        weights = [value for value in weights if value is not None]
        key = (id(unit.layer), id(unit.norm))
        if key not in self._made:
            has_other = any(made[0] == key[0] for made in self._made)
            name = self.name_of(unit.layer.name) if has_other else unit.layer.name
            config = {**unit.layer.get_config(), "name": name, "use_bias": len(weights) > 1}
            self._made[key] = type(unit.layer).from_config(config)
            self.weights.append((self._made[key], weights, unit.layer))
        if unit.padding:
            x = layers.ZeroPadding2D(unit.padding, name=self.name_of("zeros"))(x)
        y = self._made[key](x)
        y = self.of(unit.norm)(y) if unit.norm and not folds else y
        adds = unit.relu and unit.layer.activation is keras.activations.linear
        return layers.ReLU(name=self.name_of("relu"))(y) if adds else y


def _of_resnet(model: ResNet, branch, pixel_range, fold):
    """Returns the model; see `_form`."""
    weights: list[tuple[layers.Layer, list, layers.Layer]] = []

    def weighted(layer, values, part):
        weights.append((layer, values, part))
        return layer

    def unit(source: ConvNorm, x):
        affine = source.norm.affine(NormMode(branch)) if fold else None
        kernel = source.norm.prepare_kernel(tf.convert_to_tensor(source.kernel))
        kernel, bias = (kernel, []) if affine is None else (kernel * affine[0], [affine[1]])
        x, padding = _padded(x, source.padding)
        conv = layers.Conv2D(
            source.filters, source.kernel_size, source.stride, padding, use_bias=bool(bias)
        )
        x = weighted(conv, [kernel, *bias], source)(x)
        if affine is None:
            x = weighted(*_stock_norm(source.norm, branch), source.norm)(x)
        return layers.ReLU()(x) if source.relu else x

    images = keras.Input(model.image_shape)
    x = _rescaling(model.pixel_mean, model.pixel_std, pixel_range)(images)
    features = _features(model, x, unit)
    values = [model.head.kernel, model.head.bias]
    head = weighted(layers.Dense(model.classes), values, model.head)
    return keras.Model(images, head(features), name=model.name), weights


def _features(model, x, unit):
    """Returns what the head sees, the convolutions with their norms by `unit`."""
    x = unit(model.stem, x)
    if model.pooled_stem:
        x, padding = _padded(x, padding_of(model.padding, 3, 2))
        x = layers.MaxPooling2D(3, 2, padding)(x)
    for block in model.blocks:
        y = unit(block.expand, unit(block.spatial, unit(block.reduce, x)))
        shortcut = unit(block.shortcut, x) if block.shortcut else x
        x = layers.ReLU()(layers.Add()([y, shortcut]))
    return layers.GlobalAveragePooling2D()(x)


def _padded(x, padding: Padding):
    """Returns a map with its zeros, and the padding that is left to the next layer."""
    if padding == "SAME":
        return x, "same"
    return layers.ZeroPadding2D(padding)(x), "valid"  # no value is below 0 after a ReLU


def _rescaling(pixel_mean, pixel_std, pixel_range, name=None):
    """Returns the layer from `pixel_range` to what the network sees."""
    mean, std = np.asarray(pixel_mean, float), np.asarray(pixel_std, float)
    scale = 1 / (units_per_pixel(pixel_range) * std)
    offset = (to_pixels(0.0, pixel_range) - mean) / std
    return layers.Rescaling(scale.tolist(), offset.tolist(), name=name)


def _stock_norm(norm: Norm, branch: str | None) -> tuple[layers.Layer, list]:
    stock = norm.stock_layer(branch)
    if stock is None:
        raise UserError(f"Keras has no layer like {type(norm).__name__}")
    return stock
