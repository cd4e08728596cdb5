"""Which networks and images a resolution by epoch goes with."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from shared.keras_models import network_of, small_cnn
from shared.smoke_trainers import make_plan, one_device
from shared.tiny_networks import tiny_resnet

from tfadv.config.training_settings import Training
from tfadv.data.augmentation import CropAndFlip, Resized
from tfadv.data.source import ArraySource
from tfadv.errors import UserError
from tfadv.norms.batch_norm import BatchNorm
from tfadv.planning.resolution import augmentation_at, check_network, check_source
from tfadv.registry import Schedule

SIZES = (
    "Training.resolution = @size/Schedule()",
    "size/Schedule.points = ((0, 4), (1, 8))",
    "size/Schedule.interpolation = 'step'",
    "Training.epochs = 2",
)


def flat():
    images = keras.Input((8, 8, 3))
    maps = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(images))
    return keras.Model(images, layers.Dense(4)(layers.Flatten()(maps)))


def test_networks_that_pool_take_every_size():
    check_network(tiny_resnet("batch"), (4, None, 16))
    check_network(network_of(small_cnn(), BatchNorm), (4, 16))


def test_a_network_that_flattens_is_refused():
    with pytest.raises(UserError, match=r"the network takes 8x8 alone, not 16x16"):
        check_network(network_of(flat(), BatchNorm), (8, 16))


def test_a_network_with_positions_is_refused_before_work():
    vit = ("Experiment.model = 'vit'", "ViT.patch = 4", "ViT.width = 8", "ViT.heads = 2")
    plan = make_plan("mbn", *vit, "ViT.blocks = 1", *SIZES)
    with pytest.raises(UserError, match=r"the network takes 8x8 alone, not 12x12"):
        one_device(plan)


def images_of(height, width):
    return ArraySource(
        "some", np.zeros((4, height, width, 3), np.uint8), np.zeros(4, np.int32), ("a", "b")
    )


def test_images_that_are_no_squares_are_refused():
    sizes = Schedule(((0, 4), (1, 8)), "step")
    training = Training(epochs=2, batch_size=2, weight_decay=0.0, resolution=sizes)
    check_source(training, images_of(8, 8))
    with pytest.raises(UserError, match="those of some are 8x6"):
        check_source(training, images_of(8, 6))


def test_the_data_sets_own_size_leaves_the_augmentation():
    crop, source = CropAndFlip(1, True), images_of(8, 8)
    assert augmentation_at(crop, source, None) is augmentation_at(crop, source, 8) is crop
    smaller = augmentation_at(crop, source, 4)
    assert isinstance(smaller, Resized) and smaller.image_size == 4
    image, seed = (
        tf.random.stateless_uniform((8, 8, 3), (1, 2), 0, 255),
        tf.constant([3, 4], tf.int64),
    )
    # Half the size, antialiased: a triangle over four pixels, here in its inside.
    whole, found = crop(image, seed).numpy(), smaller(image, seed).numpy()
    weights = np.array([1, 3, 3, 1]) / 8
    expected = np.einsum("i,j,ijc->c", weights, weights, whole[1:5, 1:5])
    np.testing.assert_allclose(found[1, 1], expected, rtol=1e-5)
