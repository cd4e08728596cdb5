"""What a step does about numbers that are not finite, and how they are reported."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfadv.errors import UserError
from tfadv.planning.plan import Plan

_NAMED = 4  # images of a message


class Found(NamedTuple):
    """What a step tells of numbers that are not finite; 0 stands for none.

    Attributes:
        tensors: float32 [M], of each tensor that it looks at, causes before effects.
        images: float32 [T, B], of each image's part in the first T of these, by the image's
            place in the batch.
    """

    tensors: tf.Tensor
    images: tf.Tensor

    @property
    def is_broken(self) -> tf.Tensor:
        """Whether there are any, a bool scalar."""
        return tf.reduce_any(self.tensors > 0)


@dataclasses.dataclass(frozen=True)
class Fault:
    """What was not finite in a step.

    Attributes:
        step: counted from 1.
        tensors: names of what was not finite, causes before effects.
        images: titles of the images at fault by their places in the batch; empty where no
            image of its own is, as with a weight.
        batch_size: how many images the step had.
        metrics: the step's loss and accuracies, finite or not.
    """

    step: int
    tensors: tuple[str, ...]
    images: Mapping[int, str]
    batch_size: int
    metrics: Mapping[str, float]

    @classmethod
    def of(
        cls,
        plan: Plan,
        step: int,
        names: Sequence[str],
        found: Found,
        metrics: Mapping[str, tf.Tensor],
    ) -> "Fault":
        """Returns what a step found.

        Args:
            plan: of the run.
            step: counted from 1.
            names: of the M tensors.
            found: by the step.
            metrics: of the step.
        """
        broken = [number for number, share in enumerate(found.tensors.numpy()) if share > 0]
        places: list[int] = []
        if broken and broken[0] < len(found.images):
            places = tf.where(found.images[broken[0]] > 0)[:, 0].numpy().tolist()
        size = plan.training.batch_size
        titles = plan.feed.titles_of_step(step - 1) if places else ()
        return cls(
            step,
            tuple(names[number] for number in broken),
            {place: titles[place] for place in places},
            size,
            {name: float(value) for name, value in metrics.items()},
        )

    def __str__(self) -> str:
        line = f"step {self.step}: {self.tensors[0]} holds numbers that are not finite"
        if not self.images:
            return line
        some = [f"{place} ({title})" for place, title in [*self.images.items()][:_NAMED]]
        more = ", …" if len(self.images) > _NAMED else ""
        count = f"{len(self.images)} of {self.batch_size} images of the batch"
        return f"{line}, of {count}: {', '.join(some)}{more}"


class NotFiniteError(UserError):
    """A step made numbers that are not finite: it was taken back, and the training stops.

    Attributes:
        fault: what was not finite.
    """

    def __init__(self, fault: Fault, skipped: int = 0):
        after = f" after {skipped} skipped steps" if skipped else ""
        super().__init__(
            f"{fault}: the run stops{after}, and nothing after the last checkpoint is saved"
        )
        self.fault = fault
