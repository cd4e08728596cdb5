"""What a training computes on average over its epochs, which schedules tell apart."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from tfadv.models.classifier import Trainable
from tfadv.planning.plan import Plan
from tfadv.planning.resolution import image_size
from tfadv.planning.scheduled import schedules_of
from tfadv.planning.workload import TRAINING_PASSES, Workload, measure_forward, measure_workload
from tfadv.registry.choices import BLOCKS


@dataclasses.dataclass(frozen=True)
class RunWorkload:
    """What one image costs in one step of a run, on average over epochs.

    Attributes:
        parts: what it costs in some epochs, and how many these are.
    """

    parts: Sequence[tuple[Workload, int]]

    @property
    def attacks(self) -> bool:
        """Whether an attack computes gradients in any epoch."""
        return any(part.attack_steps > 0 for part, _ in self.parts)

    @property
    def largest(self) -> Workload:
        """The part with the most images in one forward and backward of the loss."""
        return max((part for part, _ in self.parts), key=lambda part: part.largest_pass)

    def flops(self, dtype: str, attack_dtype: str) -> dict[str, float]:
        """Returns operations for each image of the batch, by dtype; see `Workload.flops`."""
        epochs, found = sum(count for _, count in self.parts), Counter()
        for part, count in self.parts:
            for name, flops in part.flops(dtype, attack_dtype).items():
                found[name] += flops * count / epochs
        return dict(found)


def measure_run(
    plan: Plan, model: Trainable, images: int, forward: float | None = None
) -> RunWorkload:
    """Counts what the steps of a run compute, in each of the epochs that differ in it.

    Args:
        plan: of the run.
        model: its model.
        images: of a step.
        forward: operations of the model's for an image of its own size, where they are known.
    """
    parts: dict[tuple, tuple[Workload, int]] = {}
    passes = TRAINING_PASSES + (plan.training.recompute == BLOCKS)
    for epoch in range(max(plan.training.epochs, 1)):
        size = image_size(plan.training, epoch)
        alike = size, *_lengths(plan, epoch)
        if alike not in parts:
            known = forward if size is None else measure_forward(model, size)
            attacks = plan.attack, images, known, plan.attacks
            found = measure_workload(model, plan.strategy, *attacks, _middle(epoch))
            parts[alike] = dataclasses.replace(found, training_passes=passes), 0
        workload, count = parts[alike]
        parts[alike] = workload, count + 1
    return RunWorkload(tuple(parts.values()))


def _middle(epoch: int) -> float:
    """Returns the middle of an epoch, which stands for it: an ε may be 0 in its first step."""
    return epoch + 0.5


def _lengths(plan: Plan, epoch: int) -> tuple:
    """Returns what tells how long attacks are in an epoch: numbers of steps, and zeros of ε."""
    now = {name: one.value(_middle(epoch)) for name, one in schedules_of(plan).items()}
    steps = [value for name, value in now.items() if name.endswith(".steps")]
    return *steps, *(value > 0 for name, value in now.items() if name.endswith(".epsilon"))
