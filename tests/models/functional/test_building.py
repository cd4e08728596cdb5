"""What a registered model may return, and what is told where it is none."""

import keras
import pytest
import tensorflow as tf
from keras import layers

from tfadv.errors import UserError
from tfadv.models.functional.building import build_network
from tfadv.models.functional.network import KerasNetwork
from tfadv.norms.group_norm import GroupNorm
from tfadv.registry import MODELS

pytestmark = pytest.mark.usefixtures("forget_plugins")
GIVEN = {"image_shape": (8, 8, 3), "classes": 4, "make_norm": GroupNorm}


def registered(function):
    """Returns the network of a function, as a run builds it."""
    MODELS.register("mine")(function)
    return build_network("mine", **GIVEN)


class Subclassed(keras.Model):
    """Code that no walk sees into."""


def functional(first, classes=4):
    """Returns a function that makes a model of a batch norm and a head after some layer."""

    def mine(image_shape):
        images = keras.Input(image_shape)
        x = layers.Flatten()(layers.BatchNormalization()(first(images)))
        return keras.Model(images, layers.Dense(classes)(x))

    return mine


def test_a_sequential_model_is_a_network_of_the_run_s_norm():
    def mine(image_shape, classes):
        first = [keras.Input(image_shape), layers.Rescaling(1 / 255), layers.BatchNormalization()]
        return keras.Sequential([*first, layers.Flatten(), layers.Dense(classes)])

    network = registered(mine)
    assert isinstance(network, KerasNetwork) and network.name == "mine"
    assert [type(norm) for norm in network.norms.values()] == [GroupNorm]
    assert network(tf.zeros((2, 8, 8, 3))).shape == (2, 4)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (functional(layers.Activation("relu")), "'mine' doesn't begin with keras.layers.Rescaling"),
        (functional(layers.Rescaling(1.0), 5), "returns .5,. values an image.* 4 classes"),
        (lambda: Subclassed(), "is a subclassed Keras model"),
        (lambda: "a", "'mine': a str is neither a network nor a Functional Keras model"),
        (functional(layers.Conv2D(3, 9)), "'mine' can't be built for images of .8, 8, 3."),
    ],
)
def test_what_is_no_network_is_told_in_a_line(function, message):
    function.__name__ = "mine"
    with pytest.raises(UserError, match=message):
        registered(function)
