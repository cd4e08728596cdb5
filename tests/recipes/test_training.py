"""Every recipe really trains: two steps at the smoke scale."""

import math

import pytest
import tensorflow as tf
from shared.modern_recipes import SMOKE
from shared.project import MODERN_RECIPES, PLUGIN_RECIPES, RECIPES

from tfadv import config
from tfadv.planning.plan import build_plan
from tfadv.training.trainer import Trainer


def two_steps(*files, bindings=(), scale="gin/scale/smoke.gin"):
    config.read([*files, scale], bindings)
    trainer = Trainer(build_plan(), tf.distribute.get_strategy())
    *_, metrics = trainer.steps()
    return metrics


# Between two of the others in everything: with the slow tests.
BETWEEN = {"adv_100_clean_20", "adv_100_clean_60", "adv_100_clean_80", "mbn_frozen", "mbn_alp"}
MARKED = [
    pytest.param(recipe, marks=[pytest.mark.slow] if recipe in BETWEEN else [])
    for recipe in RECIPES
]


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("recipe", MARKED)
def test_recipe_trains_two_steps(recipe):
    metrics = two_steps(f"gin/{recipe}.gin")
    assert metrics["step"] == 2 and math.isfinite(metrics["loss"])
    assert ("adv_accuracy" in metrics) == (recipe != "clean")
    only_adversarial = recipe.startswith("adv_100_clean_0")
    assert ("clean_accuracy" in metrics) != only_adversarial
    assert metrics["frozen_statistics"] == recipe.endswith("_frozen")


def test_the_original_alp_trains_two_steps():
    """RMSProp, exponential decay and no clean starts; the sizes are cut down."""
    sizes = ["ResNet.blocks = (1, 1)", "Training.batch_size = 16", "Training.epochs = 2"]
    metrics = two_steps("gin/table3/1_original.gin", bindings=[*sizes, "PGD.steps = 2"])
    assert metrics["step"] == 2 and math.isfinite(metrics["loss"])
    assert metrics["learning_rate"] == pytest.approx(0.045 * 16 / 256)


@pytest.mark.slow
def test_resnet_638_trains_a_step():
    sizes = ["Training.batch_size = 4", "synthetic.train_examples = 4", "ResNet.width = 2"]
    sizes += ["Training.epochs = 1"]
    files = ("gin/adv_100_clean_0.gin", "gin/depth/638.gin")
    metrics = two_steps(*files, bindings=sizes)
    assert metrics["step"] == 1 and math.isfinite(metrics["loss"])


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("recipe", PLUGIN_RECIPES)
def test_every_recipe_of_a_plugin_trains_two_steps(recipe):
    base = ["gin/gn.gin"] if recipe == "mi_fgsm" else []  # it is an attack
    metrics = two_steps(*base, f"gin/plugins/{recipe}.gin")
    assert metrics["step"] == 2 and math.isfinite(metrics["loss"])


@pytest.mark.slow
@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("recipe", MODERN_RECIPES)
def test_every_modern_recipe_trains_two_steps(recipe):
    metrics = two_steps(f"gin/modern/{recipe}.gin", scale=SMOKE)
    assert metrics["step"] == 2 and math.isfinite(metrics["loss"])
