"""Which models can be walked, and what is said of the others."""

import keras
import pytest
from keras import layers
from shared.keras_models import network_of, small_cnn

from tfadv.errors import UserError
from tfadv.models.functional.graph import walk
from tfadv.norms.batch_norm import BatchNorm


class Subclassed(keras.Model):
    def call(self, images):
        return images


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.norm(x)


def with_layer(layer):
    x = keras.Input((8, 8, 3))
    return keras.Model(x, layers.GlobalAveragePooling2D()(layer(x)))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: Subclassed(), "is a subclassed Keras model .Subclassed"),
        (lambda: keras.Sequential([layers.Dense(2)]), "has no keras.Input"),
        (lambda: with_layer(layers.Lambda(lambda x: x * 2)), "is a Lambda layer"),
        (lambda: with_layer(Block()), "is inside 'block.*' .Block., where it can't be replaced"),
        (lambda: with_layer(layers.BatchNormalization(axis=1)), "over the axes .1., not over"),
        (
            lambda: keras.Model([a := keras.Input((2,)), b := keras.Input((2,))], [a + b]),
            "has 2 inputs and 1 outputs",
        ),
    ],
)
def test_a_model_that_cannot_be_walked_is_refused_in_a_line(model, said):
    with pytest.raises(UserError, match=said) as error:
        network_of(model(), BatchNorm)
    assert "\n" not in str(error.value)


def test_the_original_is_left_as_it_was():
    model = small_cnn()
    config, weights = model.get_config(), [w.copy() for w in model.get_weights()]
    network_of(model, BatchNorm)
    assert model.get_config() == config
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))
    assert len(walk(model).calls) == 12  # with the sum, which is no layer
