"""What an evaluation is of."""

from typing import NamedTuple

import tensorflow as tf

from tfadv.models.classifier import Classifier
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.runs import identity


class Subject(NamedTuple):
    """What is evaluated, on what and where.

    Attributes:
        parts: the images, the attacks and what counts.
        model: the model.
        branches: those of its branches that were trained.
        description: what the record says of it.
        distribution: the devices that it is on.
        made: what is known of how it was made.
        weights: a digest of its weights.
        origin: where the record says that it comes from.
    """

    parts: EvaluationParts
    model: Classifier
    branches: tuple[str, ...]
    description: dict[str, object]
    distribution: tf.distribute.Strategy
    made: identity.Made
    weights: str
    origin: dict[str, object]
