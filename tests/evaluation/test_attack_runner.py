"""The attack runner's draws: every run, stage and restart has streams of its own."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan
from shared.tiny_networks import external_model

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.evaluation.attack_runner import AttackRunner, Portion
from tfadv.evaluation.attack_runs import Run
from tfadv.norms import NormMode
from tfadv.planning.evaluation_parts import EvaluationParts

CLASSES = 4


class Painting(Attack):
    """Paints an image in the shade that its seeds choose."""

    def __call__(self, logits_fn, images, labels, seeds):
        shade = tf.cast(randomness.integers(seeds, CLASSES), tf.float32)
        return tf.ones_like(images) * shade[:, None, None, None]


def shade_of(images):
    return tf.one_hot(tf.cast(images[:, 0, 0, 0], tf.int32), CLASSES)


@pytest.mark.parametrize("restart", [0, 1, 2])
@pytest.mark.parametrize("stage", ["", "square"])
def test_draws_are_those_of_the_run_the_stage_the_restart_and_the_image(stage, restart):
    plan = make_plan("mbn")
    model = external_model({"main": shade_of}, plan.splits.test)
    parts = dataclasses.replace(EvaluationParts.of(plan), seed=7)
    runner = AttackRunner(model, parts, tf.distribute.get_strategy())
    run = Run("list/any", Painting(), ("list/any",), (), stage)
    indices = np.arange(3, 20)
    portion = Portion(indices, len(indices))
    found = {}
    for columns in runner.attack(NormMode("main"), run, restart, portion):
        found |= dict(zip(columns["index"], columns["prediction"][:, 0], strict=True))
    seeds = randomness.example_seeds(7, "evaluate list/any", indices + restart * 2**40)
    if stage:
        seeds = randomness.for_purpose(seeds, stage)
    expected = randomness.integers(seeds, CLASSES).numpy()
    assert found == dict(zip(indices, expected, strict=True))
