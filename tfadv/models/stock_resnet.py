"""A ResNet's branch as a plain Keras model of Keras' own layers."""

import keras
from keras import layers

from tfadv.errors import UserError
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm


def stock_resnet(model: ResNet, branch: str | None = None) -> keras.Model:
    """Returns a functional model that loads wherever Keras does.

    Args:
        model: a ResNet with batch norm or mixture batch norm.
        branch: which of its branches; None takes the default one.

    Returns:
        A model from float32 images [N, H, W, C] in 0..255 to logits, with
        copies of the weights.

    Raises:
        UserError: the norm is no batch norm.
    """
    weights: list[tuple[layers.Layer, list]] = []

    def unit(source: ConvNorm, x):
        norm = _batch_norm(source, branch)
        conv = layers.Conv2D(
            source.filters,
            source.kernel_size,
            source.stride,
            "same",
            use_bias=False,
        )
        stock_norm = layers.BatchNormalization(momentum=norm.momentum, epsilon=norm.epsilon)
        weights.append((conv, [source.kernel]))
        values = [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
        weights.append((stock_norm, values))
        x = stock_norm(conv(x))
        return layers.ReLU()(x) if source.relu else x

    images = keras.Input(model.image_shape)
    mean, std = model.pixel_mean, model.pixel_std
    x = layers.Rescaling(1 / std, -mean / std)(images)
    x = unit(model.stem, x)
    if model.pooled_stem:
        x = layers.MaxPooling2D(3, 2, "same")(x)
    for block in model.blocks:
        y = unit(block.expand, unit(block.spatial, unit(block.reduce, x)))
        shortcut = unit(block.shortcut, x) if block.shortcut else x
        x = layers.ReLU()(layers.Add()([y, shortcut]))
    head = layers.Dense(model.classes)
    weights.append((head, [model.head.kernel, model.head.bias]))
    stock = keras.Model(images, head(layers.GlobalAveragePooling2D()(x)), name=model.name)
    for layer, values in weights:
        layer.set_weights([keras.ops.convert_to_numpy(value) for value in values])
    return stock


def _batch_norm(unit: ConvNorm, branch: str | None) -> BatchNorm:
    norm = unit.norm
    if branch is not None and branch not in norm.branches:
        raise UserError(f"no branch '{branch}'; there are {', '.join(norm.branches)}")
    if hasattr(norm, "batch_norms"):
        return norm.batch_norms[norm.branches.index(branch or norm.default_branch)]
    if not isinstance(norm, BatchNorm):
        raise UserError(f"{type(norm).__name__} is no batch norm: Keras has no layer of its own")
    return norm
