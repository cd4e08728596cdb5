"""What a run may be resumed with: other devices and trackers, a batch that is divided otherwise.

Images, and what is random about them, follow their numbers in the run, and gradients are added up
over portions and replicas: what comes out is the same, but for the order of sums. Only the images
that batch statistics are taken of may change with the division, and those that dropout and its kin
draw for at once, since Keras' layers draw for a batch and not for each image.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv.config import plugin_modules
from tfadv.errors import UserError
from tfadv.registry import TRACKERS

# Bindings that say on what a run is done, how it is divided, what it keeps and how it stops.
_OF_THE_MACHINE = ("Distribution.", "Hardware.")
_OF_PORTIONS = ("Training.micro_batch_size", "Training.recompute", "Training.grace_seconds")
_TRACKERS = "Experiment.trackers"
_IMPORT = "import "

# What depends on the images that are computed together, by the key of its record.
_OF_THE_IMAGES = {"statistics_of": "batch statistics of", "draws_of": "dropout drawn at once for"}


def may_change(key: str) -> bool:
    """Returns whether a run may resume with another value of a binding."""
    if key.startswith(_IMPORT):
        kinds = [kind for kind, _ in plugin_modules.parts_of(key.removeprefix(_IMPORT))]
        return bool(kinds) and all(kind is TRACKERS for kind in kinds)
    name = key.rpartition("/")[2]
    of_trackers = {part.__name__ for part in TRACKERS.parts.values()}
    return (
        name.startswith(_OF_THE_MACHINE)
        or name in (*_OF_PORTIONS, _TRACKERS)
        or name.partition(".")[0] in of_trackers
    )


def check(path: Path, starts: Sequence[Mapping], division: Mapping[str, object]) -> None:
    """Raises `UserError` if a run that was saved would go on as another experiment.

    Args:
        path: the run's folder.
        starts: of it so far, with the `division` of each.
        division: of a batch now, as `TrainingStep.division` returns it.
    """
    for key, said in _OF_THE_IMAGES.items():
        noted = [start[key] for start in starts if key in start]
        if noted and noted[-1] != division[key]:
            raise UserError(
                f"'{path}' was trained with {said} {noted[-1]}, and {division['replicas']} "
                f"replica(s) with {division['micro_batches']} micro-batch(es) make that "
                f"{division[key]}, another experiment: resume it divided as it was, or choose "
                "another --model_dir"
            )
