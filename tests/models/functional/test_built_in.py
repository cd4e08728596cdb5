"""The networks beside the paper's: sizes as published, and every norm in all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.models.functional.basic_resnet import BasicResNet
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.ra_resnet import RaResNet
from tfadv.models.functional.vit import ViT
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

TINY = {
    "wide_resnet": lambda norm: WideResNet((16, 16, 3), 5, norm, depth=10, widen_factor=1),
    "silu": lambda norm: WideResNet((8, 8, 3), 5, norm, 10, 1, "silu"),
    "basic_resnet": lambda norm: BasicResNet((32, 32, 3), 5, norm, (1, 1), 4),
    "preactivation": lambda norm: BasicResNet((8, 8, 3), 5, norm, (1, 1), 4, "small", True),
    "convnext": lambda norm: ConvNeXt((16, 16, 3), 5, norm, blocks=(1, 2), width=8),
    "convolutional": lambda norm: ConvNeXt(
        (16, 16, 3), 5, norm, blocks=(1,), width=8, stem="convolutional"
    ),
    "ra_resnet": lambda norm: RaResNet((8, 8, 3), 5, norm, (2, 1), (16, 32), stem_width=8),
    "vit": lambda norm: ViT((8, 8, 3), 5, norm, blocks=2, width=8, heads=2, patch=4),
    "convolutional vit": lambda norm: ViT(
        (8, 8, 3), 5, norm, blocks=1, width=8, heads=2, patch=4, stem="convolutional", dropout=0.5
    ),
    "vit of Singh et al.": lambda norm: ViT(
        (8, 8, 3), 5, norm, "S", 1, 8, 2, 4, "convolutional_gelu", "token"
    ),
}


@pytest.mark.parametrize("norm", [MixtureBatchNorm, GroupNorm, LayerNorm])
@pytest.mark.parametrize("name", TINY)
def test_every_norm_trains_and_is_attacked_in_every_network(name, norm):
    network = TINY[name](norm)
    size = network.image_shape[0]
    pixels = np.random.default_rng(0).uniform(0, 255, (6, size, size, 3)).astype("float32")
    seed = tf.constant([3, 4], tf.int64)
    with tf.GradientTape() as tape:
        mode = NormMode(statistics="batch", update=True)
        loss = tf.reduce_sum(network(pixels, mode=mode, seed=seed) ** 2)
    default = [v for v in network.trainable_variables if "/clean/" not in v.path]
    gradients = tape.gradient(loss, [v.value for v in default])
    assert all(gradient is not None for gradient in gradients)
    function = network.logits_fn()
    np.testing.assert_allclose(function(pixels), network(pixels), atol=1e-4)
    assert network.norms


def ra_resnet_parameters():
    """Peng et al.'s RaResNet-50 by its configuration; as 26M in their README."""
    total, before = 7 * 7 * 3 * 96 + 2 * 96, 96
    for blocks, width in zip((5, 8, 13, 1), (288, 576, 1120, 2160), strict=True):
        inner = width // 4
        for number in range(blocks):
            squeezed = before // 4
            total += before * inner + 9 * inner * inner // 2 + 2 * inner
            total += inner * squeezed + squeezed + squeezed * inner + inner
            total += inner * width + 2 * width
            total += before * width + 2 * width if number == 0 else 0
            before = width
    return total + 2160 * 1000 + 1000


# Parameters of the released implementations, at the classes and images given.
PUBLISHED = [
    (lambda: WideResNet((32, 32, 3), 10, BatchNorm), 36_479_194),
    (lambda: WideResNet((32, 32, 3), 10, BatchNorm, 34), 46_160_474),
    (lambda: BasicResNet((224, 224, 3), 1000, BatchNorm), 11_689_512),
    (lambda: BasicResNet((32, 32, 3), 10, BatchNorm, stem="small", preactivation=True), 11_172_170),
    (lambda: ConvNeXt((224, 224, 3), 1000, LayerNorm), 28_589_128),
    (lambda: ConvNeXt((224, 224, 3), 1000, LayerNorm, "B"), 88_591_464),
    (lambda: RaResNet((224, 224, 3), 1000, BatchNorm), ra_resnet_parameters()),
    # Singh et al.'s, by the stems that they put in place of the patches'.
    (
        lambda: ConvNeXt((224, 224, 3), 1000, LayerNorm, stem="convolutional"),
        28_589_128 - (4 * 4 * 3 + 3) * 96 + (3 * 3 * 3 + 3) * 48 + (3 * 3 * 48 + 3) * 96,
    ),
    (
        lambda: ViT((224, 224, 3), 1000, LayerNorm, pooling="token"),
        22_050_664,
    ),
    (
        lambda: ViT((224, 224, 3), 1000, LayerNorm, stem="convolutional_gelu", pooling="token"),
        22_050_664
        - (16 * 16 * 3 + 1) * 384
        + sum((9 * c + 3) * 2 * c for c in (48, 96, 192))
        + (9 * 3 + 3) * 48
        + (384 + 1) * 384,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("build", "parameters"), PUBLISHED)
def test_networks_have_the_published_number_of_parameters(build, parameters):
    trained = build().trainable_variables
    assert sum(int(np.prod(variable.shape)) for variable in trained) == parameters


def test_layer_norm_is_keras_own():
    x = np.random.default_rng(0).normal(size=(2, 7, 5)).astype("float32")
    ours, theirs = LayerNorm(epsilon=1e-3), keras.layers.LayerNormalization(epsilon=1e-3)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)
