"""ResNets of basic blocks, such as ResNet-18 (He et al., 2016), and pre-activation ones."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfadv.errors import check, check_choice
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.parts import (
    activated,
    conv,
    network,
    normalized,
    preactivation_block,
)
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

STEMS = ("imagenet", "small")


@MODELS.register("basic_resnet", paper="He et al., 2016")
def BasicResNet(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    blocks: Sequence[int] = (2, 2, 2, 2),
    width: int = 64,
    stem: str = "imagenet",
    preactivation: bool = False,
    pixel_mean: float | Sequence[float] = 127.5,
    pixel_std: float | Sequence[float] = 127.5,
) -> KerasNetwork:
    """Makes a ResNet of blocks of two 3x3 convolutions: (2, 2, 2, 2) is ResNet-18.

    With `preactivation` and the small stem it is the PreActResNet-18 with which much of the
    field trains on CIFAR-10.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        blocks: of each stage.
        width: channels of the first stage; each further one has twice as many.
        stem: ``imagenet`` (7x7 stride 2, then 3x3 max-pool stride 2) or ``small`` (one 3x3).
        preactivation: whether norm and ReLU go before each convolution, not after it.
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels.

    Raises:
        UserError: there are no blocks, or there is no such stem.
    """
    check(len(blocks) > 0 and min(blocks) > 0, "BasicResNet.blocks", "be numbers > 0", blocks)
    check(width > 0, "BasicResNet.width", "be > 0", width)
    check_choice("BasicResNet.stem", stem, STEMS)
    images = keras.Input(tuple(image_shape))
    size, stride = (7, 2) if stem == "imagenet" else (3, 1)
    x = conv(images, width, size, stride, name="stem")
    x = x if preactivation else activated(x, "relu", "stem")
    if stem == "imagenet":
        x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and not number else 1
            name = f"stage{stage + 1}_block{number + 1}"
            if preactivation:
                x = preactivation_block(x, width * 2**stage, stride, "relu", name)
            else:
                x = _block(x, width * 2**stage, stride, name)
    x = activated(x, "relu", "head") if preactivation else x
    logits = layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))
    return network("basic_resnet", images, logits, make_norm, pixel_mean, pixel_std)


def _block(x, filters, stride, name):
    y = activated(conv(x, filters, 3, stride, name=f"{name}_first"), "relu", f"{name}_first")
    y = normalized(conv(y, filters, 3, name=f"{name}_second"), f"{name}_second")
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = conv(x, filters, 1, stride, name=f"{name}_shortcut")
        shortcut = normalized(shortcut, f"{name}_shortcut")
    return layers.ReLU()(layers.Add()([y, shortcut]))
