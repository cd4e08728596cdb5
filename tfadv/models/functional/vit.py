"""Vision transformers (Dosovitskiy et al., 2021), with a patch stem or one of convolutions."""

from collections.abc import Callable, Sequence

import keras
from keras import layers, ops

from tfadv.errors import check, check_choice
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.parts import conv, network
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

# Width and heads; all have 12 blocks.
SIZES = {"S": (384, 6), "B": (768, 12)}
STEMS = ("patch", "convolutional", "convolutional_gelu")
POOLINGS = ("mean", "token")


@MODELS.register("vit", paper="Dosovitskiy et al., 2021")
def ViT(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    size: str = "S",
    blocks: int = 12,
    width: int | None = None,
    heads: int | None = None,
    patch: int = 16,
    stem: str = "patch",
    pooling: str = "mean",
    dropout: float = 0.0,
    pixel_mean: float | Sequence[float] = 127.5,
    pixel_std: float | Sequence[float] = 127.5,
) -> KerasNetwork:
    """Makes a ViT-S or -B; the paper's norm is ``layer_norm``.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        size: ``S`` or ``B``.
        blocks: of attention and two dense layers each.
        width: of a token, in place of that of `size`.
        heads: of the attention, in place of those of `size`.
        patch: side of the patch that becomes a token; a power of 2 for the stem of
            convolutions.
        stem: ``patch``, or ``convolutional``, 3x3 with stride 2, each with a norm and ReLU
            (Xiao et al., 2021), or ``convolutional_gelu``, with biases and GELU in place of
            that (Singh et al., 2023).
        pooling: ``mean``, over the tokens (Beyer et al., 2022), or ``token``, a class token.
        dropout: after each dense layer in training.
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels.

    Raises:
        UserError: there is no such size, stem or pooling, or the patches don't fill the images.
    """
    check_choice("ViT.size", size, tuple(SIZES))
    _check_ends(stem, pooling, patch, image_shape[:2])
    width, heads = width or SIZES[size][0], heads or SIZES[size][1]
    check(width % heads == 0, "ViT.heads", f"divide the width, {width}", heads)
    images = keras.Input(tuple(image_shape))
    x = _tokens(_stem(images, width, stem, patch), pooling)
    for number in range(blocks):
        x = _block(x, heads, dropout, f"block{number + 1}")
    logits = layers.Dense(classes, name="head")(_pooled(_norm("head_norm")(x), pooling))
    return network("vit", images, logits, make_norm, pixel_mean, pixel_std)


@keras.saving.register_keras_serializable("tfadv")
class Positions(layers.Layer):
    """Adds a learned vector for each position to tokens [N, T, C]."""

    def build(self, input_shape):
        """Makes the vectors, float32 [T, C]."""
        initial = keras.initializers.RandomNormal(stddev=0.02)
        self.vectors = self.add_weight(input_shape[1:], initial, name="vectors")

    def call(self, x):
        """Returns the tokens with their positions."""
        return x + self.vectors


@keras.saving.register_keras_serializable("tfadv")
class ClassToken(layers.Layer):
    """Puts a learned token before tokens [N, T, C]."""

    def build(self, input_shape):
        """Makes the token, float32 [1, C]."""
        initial = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight((1, input_shape[-1]), initial, name="token")

    def call(self, x):
        """Returns [N, 1 + T, C]."""
        token = ops.broadcast_to(self.token, (ops.shape(x)[0], *self.token.shape))
        return ops.concatenate([token, x], 1)


def _check_ends(stem, pooling, patch, sides):
    check_choice("ViT.stem", stem, STEMS)
    check_choice("ViT.pooling", pooling, POOLINGS)
    fits = patch > 0 and not any(side % patch for side in sides)
    check(fits, "ViT.patch", f"divide the images' {sides}", patch)
    powers = stem == "patch" or patch & (patch - 1) == 0
    check(powers, "ViT.patch", f"be a power of 2 for ViT.stem = '{stem}'", patch)


def _stem(x, width, stem, patch):
    if stem == "patch":
        return layers.Conv2D(width, patch, patch, name="stem")(x)
    halvings, gelu = patch.bit_length() - 1, stem == "convolutional_gelu"
    for number in range(halvings):
        filters = width // 2 ** (halvings - 1 - number)
        x = _norm(f"stem{number + 1}_norm")(conv(x, filters, 3, 2, gelu, f"stem{number + 1}"))
        x = layers.Activation("gelu")(x) if gelu else layers.ReLU()(x)
    return layers.Conv2D(width, 1, name="stem")(x)


def _tokens(x, pooling):
    x = layers.Reshape((-1, x.shape[-1]))(x)
    x = ClassToken(name="class_token")(x) if pooling == "token" else x
    return Positions(name="positions")(x)


def _pooled(x, pooling):
    return x[:, 0] if pooling == "token" else layers.GlobalAveragePooling1D()(x)


def _block(x, heads, dropout, name):
    width = x.shape[-1]
    y = _norm(f"{name}_attention_norm")(x)
    y = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(y, y)
    x = layers.Add()([x, y])
    y = layers.Dense(4 * width, name=f"{name}_expand")(_norm(f"{name}_dense_norm")(x))
    y = layers.Dense(width, name=f"{name}_reduce")(layers.Activation("gelu")(y))
    y = layers.Dropout(dropout, name=f"{name}_drop")(y) if dropout else y
    return layers.Add()([x, y])


def _norm(name):
    return layers.LayerNormalization(epsilon=1e-6, name=name)
