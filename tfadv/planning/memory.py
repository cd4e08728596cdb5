"""The memory that a training takes, estimated before it begins."""

import math
import resource
import sys
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfadv.models.classifier import Trainable
from tfadv.planning.activations import measure_activations
from tfadv.planning.plan import Plan
from tfadv.planning.resolution import image_sizes
from tfadv.planning.run_workload import RunWorkload

# Measured on CPUs with TensorFlow 2.21 by `benchmarks.training_memory`; see BUILD_NOTES.md.
# What operations take for themselves, and do at once, beside the tensors that are there.
_WORKING = 1.2
# Of a traced operation, from its trace to what runs it; and operations of a step for each
# variable that it keeps: read, moved, checked, written.
_OPERATION_BYTES, _OPERATIONS_OF_VARIABLE = 34 * 1024, 10
# Gradients of the loss and of its penalty, and what an update computes of them.
_GRADIENTS = 3


class Memory(NamedTuple):
    """Bytes of one device, and of the program on the computer's processor.

    Attributes:
        kept: weights, statistics, and what an optimizer and an average keep.
        update: gradients, and all that is kept a second time, in case that the step is not finite.
        activations: of the images that are computed at once.
        program: TensorFlow, images in memory, and what a traced step takes.
    """

    kept: float
    update: float
    activations: float
    program: float

    @property
    def device(self) -> float:
        """All but the program."""
        return self.kept + self.update + self.activations

    def process(self, replicas: int) -> float:
        """Returns what a process takes whose replicas are all on the processor."""
        return self.program + replicas * self.device


def estimate_memory(
    plan: Plan,
    model: Trainable,
    kept: Sequence[keras.Variable],
    images: int,
    portions: int,
    workload: RunWorkload,
) -> Memory:
    """Estimates a step's memory, by its traced graph.

    Args:
        plan: of the run.
        model: its model.
        kept: what a replica keeps between two steps, the model's variables included.
        images: that a replica computes at once.
        portions: of a replica's share of a batch.
        workload: of the run.
    """
    so_far, training = _most_resident() - bytes_of(kept), plan.training
    most = workload.largest
    activations = measure_activations(
        model,
        images,
        trained=most.largest_pass,
        size=max(filter(None, image_sizes(training)), default=None),
        dtype=training.dtype,
        attack_dtype=training.attack_dtype if workload.attacks else None,
        recompute=training.recompute,
        ghost_batches=plan.norm_policy.ghost_batches(images),
    )
    # What needs no attack is computed beside it.
    early = activations.training * most.early / most.largest_pass
    at_once = max(activations.attack + early, activations.training - early)
    gradients = _GRADIENTS + (portions > 1)  # whose sums are kept
    operations = activations.operations + _OPERATIONS_OF_VARIABLE * len(kept)
    return Memory(
        kept=bytes_of(kept),
        update=bytes_of(kept) + gradients * bytes_of(model.trainable_variables),
        activations=_WORKING * at_once,
        program=max(so_far, 0) + _OPERATION_BYTES * operations,
    )


def bytes_of(variables: Sequence[keras.Variable]) -> int:
    """Returns what variables take."""
    return sum(np.dtype(v.dtype).itemsize * math.prod(v.shape) for v in variables)


def _most_resident() -> int:
    """Returns the most that this process has taken so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
