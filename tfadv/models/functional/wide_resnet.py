"""Wide ResNets (Zagoruyko & Komodakis, 2016), the field's networks for small images."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfadv.errors import check, check_choice
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.parts import activated, conv, network, preactivation_block
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

ACTIVATIONS = ("relu", "silu")


@MODELS.register("wide_resnet", paper="Zagoruyko & Komodakis, 2016")
def WideResNet(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    depth: int = 28,
    widen_factor: int = 10,
    activation: str = "relu",
    pixel_mean: float | Sequence[float] = 127.5,
    pixel_std: float | Sequence[float] = 127.5,
) -> KerasNetwork:
    """Makes a WRN-`depth`-`widen_factor`: 28-10, 34-10 and 70-16 are the usual ones.

    Three stages of pre-activation blocks with two 3x3 convolutions each, of 16, 32 and 64
    times `widen_factor` channels.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        depth: 4 more than a multiple of 6.
        widen_factor: how many times wider than a ResNet.
        activation: ``relu``, or ``silu``, with which adversarial training does better (Gowal
            et al., 2020).
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels.

    Raises:
        UserError: there is no such depth, width or activation.
    """
    check(depth >= 10 and depth % 6 == 4, "WideResNet.depth", "be 6 n + 4, n >= 1", depth)
    check(widen_factor > 0, "WideResNet.widen_factor", "be > 0", widen_factor)
    check_choice("WideResNet.activation", activation, ACTIVATIONS)
    images = keras.Input(tuple(image_shape))
    x = conv(images, 16, 3, name="stem")
    for stage in range(3):
        for number in range((depth - 4) // 6):
            stride = 2 if stage and not number else 1
            name = f"stage{stage + 1}_block{number + 1}"
            x = preactivation_block(x, 16 * widen_factor * 2**stage, stride, activation, name)
    x = activated(x, activation, "head")
    logits = layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))
    return network("wide_resnet", images, logits, make_norm, pixel_mean, pixel_std)
