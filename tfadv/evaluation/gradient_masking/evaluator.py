"""The evaluator of a model, with the examination of masked gradients where one is asked for."""

from collections.abc import Sequence

import tensorflow as tf

from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.gradient_masking.examination import Examination
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.models.classifier import Classifier
from tfadv.planning.evaluation_parts import EvaluationParts


def build_evaluator(
    model: Classifier,
    parts: EvaluationParts,
    distribution: tf.distribute.Strategy,
    other: Classifier | None = None,
    branches: Sequence[str] | None = None,
    log: OutcomeLog | None = None,
) -> Evaluator:
    """Returns what measures a model as `parts` say.

    Args:
        model: the model, before it is asked about some of its classes alone.
        parts: the images, the attacks by spec, and what counts.
        distribution: the devices the model lives on.
        other: that the examination attacks in its place, if there is one.
        branches: which of the model's branches; None for all.
        log: what is known of the images already, and where more is kept.

    Raises:
        UserError: the replicas don't divide the batch.
    """
    asked = parts.of_classes(model)
    examination = None
    if parts.checkup:
        examination = Examination(asked, parts, distribution, other)
    return Evaluator(asked, parts, distribution, branches, log, examination)
