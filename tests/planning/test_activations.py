"""What a step's forwards and backwards take, against sums by hand."""

import keras
import pytest
from keras import layers
from shared.keras_models import network_of

from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.planning.activations import measure_activations

FLOAT = 4


def one_unit():
    """Convolution, norm and ReLU of 8x8 pixels."""
    x = keras.Input((8, 8, 3))
    y = layers.ReLU()(
        layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    )
    model = keras.Model(x, layers.Dense(5)(layers.GlobalAveragePooling2D()(y)))
    return network_of(model, BatchNorm)


def test_a_unit_keeps_what_its_gradients_take():
    """The images, what convolution and ReLU put out, and two gradients as they are computed.

    In the attack what the ReLU puts out, two gradients, and the kernel, turned round, too.
    """
    images = 10
    maps, small = 8 * 8 * 4 * FLOAT, 12 * 4 * FLOAT * images
    found = measure_activations(one_unit(), images, attack_dtype="float32")
    assert 0 <= found.training - (8 * 8 * 3 * FLOAT + 4 * maps) * images <= small
    kernels = 2 * 3 * 3 * 3 * 4 * FLOAT
    assert 0 <= found.attack - 3 * maps * images - kernels <= small
    assert measure_activations(one_unit(), images).attack == 0


def test_they_grow_with_images_and_shrink_with_the_attack_s_dtype():
    model = ResNet((1, 1), (8, 8, 3), 5, BatchNorm, width=4, stem="small")
    one, two = (measure_activations(model, count).training for count in (16, 32))
    assert two == pytest.approx(2 * one, rel=0.05)
    assert measure_activations(model, 16, trained=2.0).training == two
    wide, narrow = (
        measure_activations(model, 64, attack_dtype=dtype).attack
        for dtype in ("float32", "bfloat16")
    )
    assert narrow < 0.7 * wide


def test_recomputed_blocks_keep_their_input_alone():
    """One more block takes one map more, and not all that is inside of it."""
    images = 16
    kept = {}
    for recompute in ("nothing", "blocks"):
        found = [
            measure_activations(
                ResNet((blocks,), (8, 8, 3), 5, BatchNorm, width=4, stem="small"),
                images,
                recompute=recompute,
            ).training
            for blocks in (4, 5)
        ]
        kept[recompute] = found[1] - found[0]
    outer = 8 * 8 * 16 * FLOAT * images
    inner = outer // 4
    assert kept["blocks"] == outer
    # The last convolution and the sum, and of each inner one what it and its ReLU put out.
    moments = 2 * (4 + 4 + 16) * FLOAT
    assert kept["nothing"] == 2 * outer + 4 * inner + moments
