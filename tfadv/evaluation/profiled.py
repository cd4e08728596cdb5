"""The profile of an evaluation's calls."""

import math

import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.devices.workers import Workers
from tfadv.evaluation.attack_runs import Run
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
        found = ATTACK_PASSES * measure_forward(model) * passes / workers.count
        return {dtype: found} if found > 0 else {}  # neither 0 nor NaN

    replicas = distribution.num_replicas_in_sync // workers.count
    return Profile(asked, flops, replicas, workers.is_chief)


def passes_of(run: Run) -> float:
    """Returns the forward and backward passes of each image, where a call does all of them.

    NaN, where how many these are depends on the images: no operations are counted then.
    """
    if run.lengths or not isinstance(run.attack, PGD):
        return math.nan
    return run.attack.passes - 0.5  # the last one is a look, without a backward
