"""Which checkpoint of a run to take: its best, its last, or that of a step.

The best is a step like the others, which is kept. ``best-CRITERION.json`` beside them says which:
the step, the criterion and its value on the validation images.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from tfadv.config.settings import BEST, LAST, check_checkpoint
from tfadv.errors import UserError
from tfadv.files import read_record, write_record
from tfadv.optimization.weight_average import WEIGHTS
from tfadv.runs import saved_steps
from tfadv.runs.saved_steps import SavedStep

_POINTER = re.compile(r"best-[\w.-]+\.json")
_REMEDY = "put it back from a copy, or remove it and name the step by --checkpoint=STEP"


def chosen(folder: Path, bound_to: Mapping[str, str], choice: str = LAST) -> SavedStep | None:
    """Returns a whole checkpoint of a run; None where it was never saved.

    Args:
        folder: of the run's checkpoints.
        bound_to: digests of what the run is bound to, by name.
        choice: ``last`` takes the newest that is whole, ``best`` the one that was the best in
            validation, and a number that of a step.

    Raises:
        UserError: there are checkpoints, and the one that is chosen is missing or not whole.
    """
    check_checkpoint("--checkpoint", choice)
    if choice == LAST:
        return saved_steps.newest_whole(folder, bound_to)
    found = {saved.step: saved for saved in saved_steps.all_saved(folder)}
    if not found:
        return None
    step = best_of(folder)["step"] if choice == BEST else int(choice)
    if step not in found:
        steps = ", ".join(map(str, sorted(found)))
        raise UserError(f"no checkpoint of step {step} in '{folder}': there are {steps}")
    flaw = found[step].flaw(bound_to)
    if flaw:
        raise UserError(
            f"the checkpoint '{found[step].path}' is not whole ({flaw}): put it back, or take "
            f"another by --checkpoint={LAST}"
        )
    return found[step]


def best_of(folder: Path) -> dict:
    """Returns the record of a run's best checkpoint: ``step``, ``criterion``, ``value``, ….

    Raises:
        UserError: the run keeps none, or the record is damaged.
    """
    pointers = _pointers(folder)
    if not pointers:
        raise UserError(
            f"'{folder}' has no best checkpoint: Validation.every_epochs makes a run keep one, "
            "once it has validated"
        )
    return read_record(pointers[0], _REMEDY, {"step": int, "weights": str})


def usual_weights(folder: Path, choice: str) -> str:
    """Returns which of a checkpoint's weights are meant where nothing is said, of `WEIGHTS`.

    Those of the best checkpoint are what it was chosen by.
    """
    return best_of(folder)["weights"] if choice == BEST else WEIGHTS[0]


def write_best(folder: Path, name: str, record: Mapping[str, object] | None) -> None:
    """Says which checkpoint is the best, as a whole or not at all.

    Args:
        folder: of the run's checkpoints.
        name: of the criterion.
        record: see `best_of`; None where there is no best one yet.
    """
    pointer = folder / f"best-{name}.json"
    for path in _pointers(folder):
        if record is None or path != pointer:
            path.unlink()
    if record is not None:
        write_record(pointer, dict(record))


def _pointers(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("best-*") if _POINTER.fullmatch(path.name))
