"""Norms and feature maps for the checks of norms."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.norms.base import Norm
from tfadv.norms.mode import NormMode

MakeNorm = Callable[..., Norm]
SHAPE = (8, 6, 6, 8)
BATCH = NormMode(statistics="batch")


def some_maps(seed: int = 0) -> tf.Tensor:
    """Returns float32 feature maps of `SHAPE`, every image and channel with its own moments."""
    random = np.random.default_rng(seed)
    images, *_, channels = SHAPE
    mean = random.normal(1, 2, (images, 1, 1, channels))
    spread = random.uniform(0.5, 3, (images, 1, 1, channels))
    return tf.constant(mean + spread * random.normal(size=SHAPE), tf.float32)


def built(make: MakeNorm, activated: bool = True, seed: int = 0, **arguments) -> Norm:
    """Returns a built norm: random trained variables, running statistics of some maps."""
    norm = make(**arguments)
    norm.activated = activated
    norm.build((None, *SHAPE[1:]))
    random = np.random.default_rng(seed)
    for variable in norm.trainable_variables:
        variable.assign_add(random.normal(0, 0.2, variable.shape))
    for branch in norm.branches if norm.non_trainable_variables else ():
        norm(some_maps(seed + 1), mode=NormMode(branch, "batch", update=True))
    return norm


def modes(norm: Norm) -> list[NormMode]:
    """Returns the modes that write nothing, for every branch."""
    return [
        mode
        for branch in norm.branches
        for mode in (
            NormMode(branch),
            NormMode(branch, "batch"),
            NormMode(branch, "batch", False, 2),
        )
    ]
