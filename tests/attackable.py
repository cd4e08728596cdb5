"""A small network, images that it mostly gets right, and an evaluator of it."""

import numpy as np
import tensorflow as tf
from smoke import make_plan

from tfadv.data.pipeline import some_examples
from tfadv.evaluation.evaluator import Evaluator
from tfadv.models.external import ExternalModel

_RANDOM = np.random.default_rng(0)
_INNER = _RANDOM.normal(0, 0.3, (192, 16)).astype("float32")
_OUTER = _RANDOM.normal(0, 1, (16, 4)).astype("float32")


def network(images):
    return tf.tanh((tf.reshape(images, [-1, 192]) / 127.5 - 1) @ _INNER) @ _OUTER


def make_evaluator(*bindings, branch="main", verdicts=None, distribution=None):
    plan = make_plan("mbn", *bindings)
    source = plan.splits.test
    logits = network(some_examples(source, len(source))["image"])
    source.labels = np.argmax(logits, -1)
    source.labels[::7] = (source.labels[::7] + 1) % 4
    del source.__dict__["label_tensor"]
    return plan, Evaluator(
        ExternalModel("tiny", {branch: network}, (0.0, 255.0)),
        source,
        plan.evaluation,
        plan.evaluation_attacks,
        distribution or tf.distribute.get_strategy(),
        plan.experiment.seed,
        verdicts=verdicts,
        checkup=plan.checkup,
    )
