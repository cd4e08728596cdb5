"""``Experiment.model = 'keras'``: files, functions, and which pixels they take."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from shared.keras_models import images, randomized, small_cnn

from tfadv.errors import UserError
from tfadv.models.functional.from_keras import Keras
from tfadv.models.functional.preparation import Preparation, found_of_module
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

PIXELS = {"pixel_mean": 127.5, "pixel_std": 127.5}


def network(classes=4, make_norm=MixtureBatchNorm, **given):
    return Keras((8, 8, 3), classes, make_norm, **given)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "mine.keras"
    randomized(small_cnn()).save(path)
    return str(path)


def test_a_file_gives_its_own_logits_in_every_branch(stored):
    pixels = 255 * np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    expected = keras.saving.load_model(stored)(pixels / 127.5 - 1)
    found = network(path=stored, **PIXELS)
    np.testing.assert_allclose(found(pixels), expected, atol=1e-4)
    assert found.branches == ("clean", "adv") and found.classes == 4


def test_a_function_gets_images_and_classes_and_what_gin_says(monkeypatch):
    def build(input_shape, classes, width=3):
        x = keras.Input(input_shape)
        y = layers.BatchNormalization()(layers.Conv2D(width, 3)(layers.Rescaling(0.1)(x)))
        return keras.Model(x, layers.Dense(classes)(layers.GlobalAveragePooling2D()(y)))

    monkeypatch.setattr(keras, "built_here", build, raising=False)
    found = network(5, build="keras.built_here", arguments={"width": 7})
    assert found(images(2)).shape == (2, 5)
    assert [kernel.shape for kernel in found.kernels] == [(3, 3, 3, 7), (7, 5)]
    assert found.prepare == Preparation()


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetB0"])
def test_keras_applications_are_prepared_as_by_their_own_function(name):
    module = {
        "ResNet50": keras.applications.resnet,
        "MobileNetV2": keras.applications.mobilenet_v2,
        "DenseNet121": keras.applications.densenet,
        "EfficientNetB0": keras.applications.efficientnet,
    }[name]
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    found = found_of_module(f"keras.applications.{name}")(tf.constant(pixels))
    np.testing.assert_allclose(found, module.preprocess_input(pixels.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Keras.path must be set, or Keras.build"),
        ({"path": "nowhere.keras"}, "there is no file 'nowhere.keras'"),
        ({"build": "keras.applications.ResNet51"}, "Did you mean 'ResNet50'"),
        ({"build": "no_such_module.build"}, "there is no 'no_such_module.build' to import"),
        (
            {"build": "keras.applications.MobileNet", "arguments": {"alfa": 1}},
            "takes no 'alfa', but input_shape, .* Did you mean 'alpha'",
        ),
        ({"build": "keras.layers.ReLU"}, "returns a ReLU, not a Keras model"),
        ({"build": "keras.applications.VGG16"}, "refuses: Input size must be at least 32x32"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_line(given, said):
    with pytest.raises(UserError, match=said) as error:
        network(**given)
    assert "\n" not in str(error.value)


def test_images_of_another_size_where_asked_for_and_possible(tmp_path):
    def of_side(side, ends_in):
        x = keras.Input((side, side, 3))
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(5, 3, 2)(x)))
        return keras.Model(x, layers.Dense(4)(ends_in()(y)))

    path = tmp_path / "mine.keras"
    randomized(of_side(8, layers.GlobalAveragePooling2D)).save(path)
    larger = of_side(12, layers.GlobalAveragePooling2D)
    larger.set_weights(keras.saving.load_model(path).get_weights())
    given = {"path": str(path), "pixel_mean": 0.0, "pixel_std": 255.0}
    with pytest.raises(UserError, match=r"these are of \(12, 12, 3\): Keras.other_size = True"):
        Keras((12, 12, 3), 4, MixtureBatchNorm, **given)
    found = Keras((12, 12, 3), 4, MixtureBatchNorm, other_size=True, **given)
    pixels = 255 * np.random.default_rng(0).random((4, 12, 12, 3), np.float32)
    np.testing.assert_allclose(found(pixels), larger(pixels / 255), rtol=1e-4, atol=1e-4)
    of_side(8, layers.Flatten).save(path)
    with pytest.raises(UserError, match=r"'dense\w*' can't take what images of .12, 12, 3. become"):
        Keras((12, 12, 3), 4, MixtureBatchNorm, other_size=True, **given)


def test_other_classes_pixels_and_layers_are_refused(stored, tmp_path):
    with pytest.raises(UserError, match="doesn't tell which pixels it takes: set"):
        network(path=stored)
    with pytest.raises(
        UserError, match=r"returns .4,. values an image, and .* 10 classes: Exp.*new_head"
    ):
        network(10, path=stored, **PIXELS)
    with pytest.raises(UserError, match=r"takes images of .8, 8, 3., and these are of .9, 8, 3"):
        Keras((9, 8, 3), 4, BatchNorm, path=stored, **PIXELS)
    with pytest.raises(UserError, match="'BatchNorm' is none of BatchNormalization"):
        network(path=stored, replace=("BatchNorm",), **PIXELS)
    (tmp_path / "odd.keras").write_text("no model")
    with pytest.raises(UserError, match="odd.keras' can't be loaded"):
        network(path=str(tmp_path / "odd.keras"), **PIXELS)


def test_a_new_head_is_made_for_other_classes_and_nothing_else(stored):
    whole, found = network(path=stored, **PIXELS), network(7, path=stored, new_head=True, **PIXELS)
    assert found.classes == 7 and found(images(2)).shape == (2, 7)
    kept = {v.path: v for v in whole.variables} | {v.path: None for v in whole.head.variables}
    for variable in found.variables:
        if kept[variable.path] is not None:
            np.testing.assert_array_equal(variable, kept[variable.path])
    assert found.head.kernel.shape == (11, 7) and not np.any(found.head.bias)
    again = network(4, path=stored, new_head=True, **PIXELS).head.kernel
    assert np.abs(np.array(again) - whole.head.kernel).min() > 0  # as many classes, anew too


def test_a_head_that_is_not_dense_is_not_made_anew(tmp_path):
    x = keras.Input((8, 8, 3))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(x))
    keras.Model(x, y).save(tmp_path / "m.keras")
    with pytest.raises(UserError, match="new_head = True makes a last dense layer anew, and this"):
        network(7, path=str(tmp_path / "m.keras"), new_head=True, **PIXELS)
