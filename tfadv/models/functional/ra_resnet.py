"""RaResNets: ResNets with the design that adversarial training does best with."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfadv.errors import check
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.parts import activated, conv, network, normalized
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

# Of the inner convolutions against a stage's width, and of squeeze and excitation against a
# block's input.
BOTTLENECK, SQUEEZE = 0.25, 0.25


@MODELS.register("ra_resnet", paper="Peng et al., 2023")
def RaResNet(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    blocks: Sequence[int] = (5, 8, 13, 1),
    widths: Sequence[int] = (288, 576, 1120, 2160),
    groups: int = 2,
    stem_width: int = 96,
    pixel_mean: float | Sequence[float] = (123.675, 116.28, 103.53),
    pixel_std: float | Sequence[float] = (58.395, 57.12, 57.375),
) -> KerasNetwork:
    """Makes a RaResNet-50; (7, 11, 18, 1) blocks of (336, 672, 1328, 2624) are RaResNet-101.

    Bottlenecks of a ResNet (He et al., 2016) with grouped 3x3 convolutions, squeeze and
    excitation (Hu et al., 2018), SiLU, and no norm after the first 1x1 convolution. The stem, 7x7
    with stride 2, has no pooling: every stage halves the maps.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        blocks: of each stage.
        widths: channels of each stage; a fourth of them are inside of its blocks.
        groups: of the 3x3 convolutions.
        stem_width: channels of the stem.
        pixel_mean: subtracted from the pixels, one number or one per channel; the defaults are
            ImageNet's.
        pixel_std: divides the pixels.

    Raises:
        UserError: a stage has no width, or the groups don't divide its inner channels.
    """
    check(len(blocks) > 0 and min(blocks) > 0, "RaResNet.blocks", "be numbers > 0", blocks)
    rule = f"be {len(blocks)} numbers, one for each stage of RaResNet.blocks"
    check(len(widths) == len(blocks), "RaResNet.widths", rule, widths)
    fits = groups > 0 and all(w > 0 and not _inner(w) % groups and _inner(w) for w in widths)
    check(fits, "RaResNet.groups", f"divide a fourth of each of {tuple(widths)}", groups)
    check(stem_width > 0, "RaResNet.stem_width", "be > 0", stem_width)
    images = keras.Input(tuple(image_shape))
    x = activated(conv(images, stem_width, 7, 2, name="stem"), "relu", "stem")
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), 1):
        for number in range(count):
            x = _block(x, width, 1 if number else 2, groups, f"stage{stage}_block{number + 1}")
    normal = keras.initializers.RandomNormal(stddev=0.01)
    pooled = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(classes, kernel_initializer=normal, name="head")(pooled)
    return network("ra_resnet", images, logits, make_norm, pixel_mean, pixel_std)


def _inner(width):
    return round(width * BOTTLENECK)


def _block(x, width, stride, groups, name):
    shortcut, squeezed = x, round(SQUEEZE * x.shape[-1])
    if stride > 1 or x.shape[-1] != width:
        shortcut = conv(x, width, 1, stride, name=f"{name}_shortcut")
        shortcut = normalized(shortcut, f"{name}_shortcut")
    y = layers.Activation("silu")(conv(x, _inner(width), 1, name=f"{name}_reduce"))
    y = conv(y, _inner(width), 3, stride, name=f"{name}_spatial", groups=groups)
    y = _excited(activated(y, "silu", f"{name}_spatial"), squeezed, name)
    y = normalized(conv(y, width, 1, name=f"{name}_expand"), f"{name}_expand")
    return layers.Activation("silu")(layers.Add()([y, shortcut]))


def _excited(x, squeezed, name):
    """Multiplies channels by what a perceptron makes of their means."""
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.ReLU()(conv(y, squeezed, 1, bias=True, name=f"{name}_squeeze"))
    y = conv(y, x.shape[-1], 1, bias=True, name=f"{name}_excite")
    return layers.Multiply()([x, layers.Activation("sigmoid")(y)])
