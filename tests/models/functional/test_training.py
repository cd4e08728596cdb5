"""Keras models and the built-in networks in training: replicas, portions, dropout."""

import keras
import numpy as np
import pytest
from keras import layers
from shared.keras_models import randomized
from shared.smoke_trainers import claimed, finish, make_plan, mirrored, one_device, values

from tfadv.errors import UserError
from tfadv.training.session import Session

PIXELS = ("Keras.pixel_mean = 0.0", "Keras.pixel_std = 255.0")


def with_dropout():
    x = keras.Input((8, 8, 3))
    y = layers.Normalization()(x)  # it counts, in whole numbers
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, use_bias=False)(y)))
    y = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(y))
    return keras.Model(x, layers.Dense(4)(y))


@pytest.fixture
def stored(tmp_path):
    """Returns bindings of a stored model."""
    path = tmp_path / "mine.keras"
    randomized(with_dropout()).save(path)
    return "Experiment.model = 'keras'", f"Keras.path = '{path}'", *PIXELS


@pytest.mark.parametrize("trainer_of", [one_device, pytest.param(mirrored, marks=pytest.mark.slow)])
def test_a_stored_model_trains_from_its_own_weights(stored, trainer_of):
    averaged = "Training.average_decay = 0.9"
    trainer = trainer_of(make_plan("mbn_alp", *stored, averaged, "Training.micro_batch_size = 4"))
    assert any(variable.dtype == "int64" for variable in trainer.model.variables)
    start = values(trainer)
    metrics = finish(trainer)
    assert all(np.isfinite(row["loss"]) for row in metrics)
    changed = {path for path, value in values(trainer).items() if (value != start[path]).any()}
    assert {v.path for v in trainer.model.trainable_variables} <= changed
    for branch in ("clean", "adv"):
        assert any(f"/{branch}/moving_mean" in path for path in changed)
    record = Session(trainer).evaluate()
    assert set(record["clean"]) == set(record["weight_average"]["clean"]) == {"clean", "adv"}


def test_dropout_is_drawn_anew_in_each_step_and_the_same_in_each_run(stored):
    runs = [finish(one_device(make_plan("clean", *stored))) for _ in range(2)]
    assert [row["loss"] for row in runs[0]] == [row["loss"] for row in runs[1]]
    other = finish(one_device(make_plan("clean", *stored, "Experiment.seed = 1")))
    assert other[0]["loss"] != runs[0][0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "bindings",
    [
        (
            "Experiment.model = 'wide_resnet'",
            "WideResNet.depth = 10",
            "WideResNet.widen_factor = 1",
        ),
        (
            "Experiment.model = 'convnext'",
            "ConvNeXt.blocks = (1,)",
            "ConvNeXt.width = 8",
            "ConvNeXt.patch = 2",
            "Experiment.norm = 'layer_norm'",
        ),
        (
            "Experiment.model = 'vit'",
            "ViT.blocks = 1",
            "ViT.width = 8",
            "ViT.heads = 2",
            "ViT.patch = 4",
        ),
    ],
)
@pytest.mark.parametrize("recipe", ["mbn_alp", "gn"])
def test_built_in_networks_run_to_their_results(tmp_path, recipe, bindings):
    plan = make_plan(recipe, *bindings)
    session = Session(one_device(plan))
    results = session.run(claimed(tmp_path / "run", recipe))
    assert set(results["clean"]) == set(session.trainer.model.branches)


def test_images_that_are_too_small_are_told_in_a_line():
    with pytest.raises(UserError, match="'convnext' can't be built for images of .8, 8, 3"):
        one_device(make_plan("clean", "Experiment.model = 'convnext'"))


def test_a_bound_parameter_of_the_norm_wins_over_the_layers_own(stored):
    found = []
    for bindings in ((), ("MixtureBatchNorm.epsilon = 0.5", "MixtureBatchNorm.momentum = 0.7")):
        norms = make_plan("mbn", *stored, *bindings).build_model().norms.values()
        found.append({(norm.epsilon, norm.momentum) for norm in norms})
    assert found == [{(1e-3, 0.99)}, {(0.5, 0.7)}]
