"""Files of Keras' for networks of every kind, and what in them doesn't fit."""

import keras
import numpy as np
import pytest
from shared import keras_models
from shared.keras_models import kinds_of_layers, network_of, small_cnn
from shared.weight_files import IMAGES, WRITERS, as_keras, randomized, resnet

from tfadv.errors import UserError
from tfadv.interop import initial_weights
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.vit import ViT
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

NETWORKS = {
    "wide_resnet": lambda: WideResNet((16, 16, 3), 5, MixtureBatchNorm, 10, 1),
    "convnext": lambda: ConvNeXt((16, 16, 3), 5, LayerNorm, blocks=(1, 1), width=8),
    "vit": lambda: ViT((16, 16, 3), 5, LayerNorm, blocks=1, width=8, heads=2, dropout=0.5),
    "keras": lambda: network_of(kinds_of_layers(), BatchNorm),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_made_of_keras_models_start_from_every_file(tmp_path, name):
    source = randomized(NETWORKS[name]())
    images = IMAGES[:, : source.image_shape[0], : source.image_shape[0]]
    expected = source(images)
    choice = "every" if name == "wide_resnet" else None
    kinds = ("run", "keras", "weights", "own weights", *(["bundle"] if name == "keras" else []))
    for kind in kinds:
        target = NETWORKS[name]()
        one_branch = kind in ("keras", "weights")  # which is the default one
        path = WRITERS[kind](source, tmp_path)
        initial_weights.load(target, str(path), norm_branch=choice if one_branch else None)
        np.testing.assert_allclose(target(images), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["w.keras", "w.h5", "w.weights.h5"])
def test_a_model_of_other_layers_and_a_damaged_file_are_refused(tmp_path, name):
    path = tmp_path / name
    images = keras.Input((16, 16, 3))
    features = keras.layers.DepthwiseConv2D(3, name="mine")(images)
    features = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(features))
    model = keras.Model(images, features)
    (model.save_weights if name == "w.weights.h5" else model.save)(path)
    with pytest.raises(UserError, match="another architecture"):
        initial_weights.load(resnet(BatchNorm), str(path))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="can't be (loaded|read)"):
        initial_weights.load(resnet(BatchNorm), str(path))


def test_norms_with_another_epsilon_are_told(tmp_path):
    path = as_keras(randomized(resnet(lambda **how: BatchNorm(epsilon=1e-3, **how))), tmp_path)
    lines = initial_weights.load(resnet(BatchNorm), str(path))
    assert any("ε = 0.001, this network's 1e-05: see BatchNorm.epsilon" in line for line in lines)


@pytest.mark.parametrize("name", ["mine.keras", "mine.weights.h5"])
def test_a_keras_models_own_file_starts_every_branch_of_its_network(tmp_path, name):
    model = keras_models.randomized(small_cnn())
    (model.save_weights if name == "mine.weights.h5" else model.save)(tmp_path / name)
    network = network_of(small_cnn(), MixtureBatchNorm)
    initial_weights.load(network, str(tmp_path / name), norm_branch="every")
    images = keras_models.images(3)
    for branch in ("clean", "adv"):
        found = network(images, mode=NormMode(branch))
        np.testing.assert_allclose(found, model(images), atol=1e-4)
