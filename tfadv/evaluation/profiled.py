"""The profile of an evaluation's calls."""

import tensorflow as tf

from tfadv.devices.workers import Workers
from tfadv.models.classifier import Classifier
from tfadv.planning.workload import ATTACK_PASSES, measure_forward
from tfadv.profiling.profile import UNPROFILED, Asked, Profile, Unprofiled


def profile_of(
    asked: Asked | None, model: Classifier, dtype: str, distribution: tf.distribute.Strategy
) -> Unprofiled:
    """Returns the profile for `AttackRunner.profile`, each call a step.

    Args:
        asked: what to profile, if anything.
        model: that is evaluated; where its graph can't be looked into, no operations are counted.
        dtype: of its convolutions.
        distribution: the devices that it lives on.
    """
    if asked is None:
        return UNPROFILED
    workers = Workers(distribution)

    def flops(passes: float) -> dict[str, float]:
        of_a_pass = ATTACK_PASSES * measure_forward(model)
        return {dtype: of_a_pass * passes / workers.count} if of_a_pass else {}

    replicas = distribution.num_replicas_in_sync // workers.count
    return Profile(asked, flops, replicas, workers.is_chief)
