"""Evaluators: of a trained model, and of a small network with images that it mostly gets right."""

import numpy as np
import tensorflow as tf

from shared.smoke_trainers import make_plan
from shared.tiny_networks import external_model, perceptron
from tfadv.data.pipeline import some_examples
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.gradient_masking.examination import Examination
from tfadv.planning.evaluation_parts import EvaluationParts

network = perceptron(192, 4, spread=0.3)
# AutoAttack in a second, in two batches of the 20 images.
AUTOATTACK = (
    "Evaluation.attacks = ('autoattack',)",
    "Evaluation.batch_size = 10",
    "eval/AutoAttack.steps = 6",
    "eval/AutoAttack.queries = 30",
    "eval/AutoAttack.jit_compile = False",
)


def evaluator_of(plan, model, distribution=None, **options):
    """Returns an evaluator of a model on a plan's test images, with its attacks."""
    parts = EvaluationParts.of(plan)
    distribution = distribution or tf.distribute.get_strategy()
    examination = Examination(model, parts, distribution) if parts.checkup else None
    return Evaluator(model, parts, distribution, examination=examination, **options)


def make_evaluator(*bindings, branch="main", function=network, **options):
    """Returns a plan at the smoke scale and an evaluator of a small network.

    Args:
        *bindings: of the plan.
        branch: the network's only one.
        function: the network, from images to logits.
        **options: of `evaluator_of`.
    """
    plan = make_plan("mbn", *bindings)
    label_by(network, plan.splits.test)
    model = external_model({branch: function}, plan.splits.test)
    return plan, evaluator_of(plan, model, **options)


def label_by(function, source):
    """Gives a source's images the labels that a function predicts, but for every seventh."""
    logits = function(some_examples(source, len(source))["image"])
    source.labels = np.argmax(logits, -1)
    source.labels[::7] = (source.labels[::7] + 1) % 4
    del source.__dict__["label_tensor"]
