"""Every recipe really trains: two steps at the smoke scale."""

import math
from pathlib import Path

import pytest
import tensorflow as tf

from tfadv import config, experiment
from tfadv.trainer import Trainer

RECIPES = sorted(
    path.stem
    for path in (Path(__file__).parent.parent / "gin").glob("*.gin")
    if path.stem != "base"
)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_trains_two_steps(recipe):
    config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"])
    trainer = Trainer(experiment.plan(), tf.distribute.get_strategy())
    (metrics,) = trainer.steps()
    assert metrics["step"] == 2 and math.isfinite(metrics["loss"])
    assert ("adv_accuracy" in metrics) == (recipe != "clean")
    only_adversarial = recipe.startswith("adv_100_clean_0")
    assert ("clean_accuracy" in metrics) != only_adversarial
    assert metrics["frozen_statistics"] == recipe.endswith("_frozen")
