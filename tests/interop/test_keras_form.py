"""The branches as plain Keras models."""

import keras
import numpy as np
import pytest
from shared.keras_models import images, kinds_of_layers, network_of, randomized, small_cnn

from tfadv.errors import UserError
from tfadv.interop.keras_form import keras_form
from tfadv.models.functional.preparation import Preparation
from tfadv.norms import NormMode
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize(
    ("norm", "branch"),
    [("batch", None), ("mixture", None), ("mixture", "clean"), ("mixture", "adv"), ("group", None)],
)
def test_a_keras_model_has_the_logits_of_its_branch(tiny_model, some_images, norm, branch, stem):
    model = tiny_model(norm, stem=stem)
    plain = keras_form(model, branch)
    expected = model(some_images[0], mode=NormMode(branch))
    np.testing.assert_allclose(plain(some_images[0]), expected, atol=1e-4, rtol=1e-4)
    assert all(type(layer).__module__.startswith("keras.") for layer in plain.layers)


def test_a_keras_model_loads_with_keras_alone(tiny_model, some_images, tmp_path):
    plain = keras_form(tiny_model("mixture"), "clean")
    plain.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(some_images[0]), plain(some_images[0]))


def test_an_unknown_branch_is_refused(tiny_model):
    with pytest.raises(UserError, match="no branch 'advv'; there are clean, adv"):
        keras_form(tiny_model("mixture"), "advv")


def test_a_folded_keras_model_has_no_norm_and_the_same_logits(tiny_model, some_images):
    model = tiny_model("mixture")
    plain = keras_form(model, "clean", fold=True)
    expected = model(some_images[0], mode=NormMode("clean"))
    np.testing.assert_allclose(plain(some_images[0]), expected, atol=1e-4, rtol=1e-4)
    kinds = {type(layer) for layer in plain.layers}
    assert keras.layers.Conv2D in kinds and keras.layers.BatchNormalization not in kinds


@pytest.mark.parametrize("pixel_range", [(0.0, 1.0), (-1.0, 1.0)])
def test_a_keras_model_takes_images_in_another_range(tiny_model, some_images, pixel_range):
    model, (low, high) = tiny_model("batch"), pixel_range
    model.pixel_mean, model.pixel_std = (120.0, 115.0, 100.0), (60.0, 55.0, 50.0)
    images = some_images[0] / 255 * (high - low) + low
    found = keras_form(model, pixel_range=pixel_range)(images)
    np.testing.assert_allclose(found, model(some_images[0]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("build", "color"), [(small_cnn, "BGR"), (kinds_of_layers, "RGB")])
def test_a_network_made_of_a_keras_model_is_one_again(tmp_path, build, color):
    prepare = Preparation((100.0, 90.0, 80.0), (50.0, 60.0, 70.0), color)
    network = network_of(randomized(build()), MixtureBatchNorm, prepare=prepare)
    adv = next(v for v in network.variables if v.path.endswith("adv/beta"))
    adv.assign(adv + 1.0)
    pixels = images(4) * 50 + 100
    for branch, fold in (("clean", False), ("adv", False), ("adv", True)):
        plain = keras_form(network, branch, (0.0, 1.0), fold)
        plain.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        expected = network(pixels, mode=NormMode(branch))
        np.testing.assert_allclose(loaded(pixels / 255), expected, atol=1e-4, rtol=1e-4)
        norms = [x for x in loaded.layers if isinstance(x, keras.layers.BatchNormalization)]
        # One of its norms comes after no linear layer.
        left = {small_cnn: 0, kinds_of_layers: 1}[build] if fold else len(network.norm_places)
        assert len(norms) == left


def test_names_that_the_form_or_keras_would_give_are_no_hindrance():
    x = keras.Input((8, 8, 3))
    y = keras.layers.Rescaling(0.5, name="rescaling")(x)
    y = keras.layers.ZeroPadding2D(name="zeros")(y)
    y = keras.layers.ReLU(name="relu")(keras.layers.Conv2D(3, 3, name="pixels")(y))
    y = keras.layers.ReLU()(keras.layers.Conv2D(3, 3)(keras.layers.ZeroPadding2D()(y)))
    y = keras.layers.BatchNormalization(name="batch_normalization")(y + y)
    y = keras.layers.Add(name="add_7")([y, y])
    model = keras.Model(x, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(y)))
    (added,) = (one for one in model.operations if not isinstance(one, keras.layers.Layer))
    added.name = "add"  # as Keras calls the first of a process
    network = network_of(randomized(model), MixtureBatchNorm)
    for fold in (False, True, False):
        plain = keras_form(network, "adv", fold=fold)
        np.testing.assert_allclose(plain(images(4)), model(images(4)), atol=1e-4, rtol=1e-4)
        kept = {"rescaling", "add", *(() if fold else ("zeros", "relu", "batch_normalization"))}
        assert kept <= {one.name for one in plain.operations}


class Halved(GroupNorm):
    """Takes kernels of another size."""

    def prepare_kernel(self, kernel):
        return kernel / 2 + 0.1


def test_what_is_shared_or_stays_a_norm_is_right_when_folded():
    """A convolution with two norms after it is two; group norm is no fixed map."""
    x = keras.Input((8, 8, 3))
    shared = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    y = keras.layers.BatchNormalization()(shared(x))
    y = y + keras.layers.BatchNormalization()(shared(x))
    logits = keras.layers.Dense(4, name="head")(keras.layers.Flatten()(y))
    model = randomized(keras.Model(x, logits))
    folded = keras_form(network_of(model, MixtureBatchNorm), "adv", fold=True)
    np.testing.assert_allclose(folded(images(4)), model(images(4)), atol=1e-4, rtol=1e-4)
    network = network_of(model, lambda **named: Halved(groups=2, **named))
    for fold in (False, True):
        plain = keras_form(network, fold=fold)
        np.testing.assert_allclose(plain(images(4)), network(images(4)), atol=1e-4, rtol=1e-4)
