"""ConvNeXt (Liu et al., 2022), with its patch stem or one of convolutions."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfadv.errors import check, check_choice
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.parts import LayerScale, conv, network
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

SIZES = {"T": ((3, 3, 9, 3), 96), "S": ((3, 3, 27, 3), 96), "B": ((3, 3, 27, 3), 128)}
STEMS = ("patch", "convolutional")


@MODELS.register("convnext", paper="Liu et al., 2022")
def ConvNeXt(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    size: str = "T",
    blocks: Sequence[int] | None = None,
    width: int | None = None,
    stem: str = "patch",
    patch: int = 4,
    drop_path: float = 0.1,
    pixel_mean: float | Sequence[float] = 127.5,
    pixel_std: float | Sequence[float] = 127.5,
) -> KerasNetwork:
    """Makes a ConvNeXt-T, -S or -B; the paper's norm is ``layer_norm``.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        size: ``T``, ``S`` or ``B``.
        blocks: of each stage, in place of those of `size`.
        width: channels of the first stage, likewise; each further one has twice as many.
        stem: ``patch``, one convolution, or ``convolutional``, two (Singh et al., 2023).
        patch: side of the patch that becomes one position, 1, 2 or 4.
        drop_path: share of images that skip the last block in training, others in proportion
            (stochastic depth, Huang et al., 2016).
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels.

    Raises:
        UserError: there is no such size, stem or share.
    """
    check_choice("ConvNeXt.size", size, tuple(SIZES))
    check_choice("ConvNeXt.stem", stem, STEMS)
    check(patch in (1, 2, 4), "ConvNeXt.patch", "be 1, 2 or 4", patch)
    check(0 <= drop_path < 1, "ConvNeXt.drop_path", "be in 0..1, below 1", drop_path)
    blocks, width = blocks or SIZES[size][0], width or SIZES[size][1]
    images = keras.Input(tuple(image_shape))
    x = _stem(images, width, stem, patch)
    number, all_blocks = 0, max(sum(blocks) - 1, 1)
    for stage, count in enumerate(blocks):
        if stage:
            x = _norm(f"stage{stage + 1}_down_norm")(x)
            x = layers.Conv2D(width * 2**stage, 2, 2, name=f"stage{stage + 1}_down")(x)
        for block in range(count):
            x = _block(x, drop_path * number / all_blocks, f"stage{stage + 1}_block{block + 1}")
            number += 1
    x = _norm("head_norm")(layers.GlobalAveragePooling2D()(x))
    logits = layers.Dense(classes, name="head")(x)
    return network("convnext", images, logits, make_norm, pixel_mean, pixel_std)


def _stem(x, width, stem, patch):
    if stem == "patch":
        return _norm("stem_norm")(layers.Conv2D(width, patch, patch, name="stem")(x))
    strides = {1: (1, 1), 2: (2, 1), 4: (2, 2)}[patch]
    for number, (filters, stride) in enumerate(zip((width // 2, width), strides, strict=True)):
        x = conv(x, filters, 3, stride, bias=True, name=f"stem{number + 1}")
        x = layers.Activation("gelu")(_norm(f"stem{number + 1}_norm")(x))
    return x


def _block(x, dropped, name):
    filters = x.shape[-1]
    y = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise")(x)
    y = layers.Dense(4 * filters, name=f"{name}_expand")(_norm(f"{name}_norm")(y))
    y = layers.Dense(filters, name=f"{name}_reduce")(layers.Activation("gelu")(y))
    y = LayerScale(name=f"{name}_scale")(y)
    if dropped:
        y = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(y)
    return layers.Add()([x, y])


def _norm(name):
    return layers.LayerNormalization(epsilon=1e-6, name=name)
