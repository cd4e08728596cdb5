"""Records of evaluations, which must be of the weights that they are shown with."""

from collections.abc import Mapping
from pathlib import Path

from tfadv import digests
from tfadv.errors import UserError
from tfadv.files import read_record
from tfadv.runs.trained_run import TrainedRun

_REMEDY = "take another copy, or give the command that wrote it again"
_SHAPE = {"model": dict, "dataset": str, "examples": int, "clean": dict, "attacks": list}


def read_evaluation(path: str) -> dict:
    """Returns the record that ``python -m tfadv.evaluate`` wrote to a file.

    Raises:
        UserError: there is none, it is damaged, or was changed since it was written.
    """
    if not Path(path).is_file():
        raise UserError(f"--record: there is no file '{path}'")
    return read_record(Path(path), _REMEDY, _SHAPE)


def check_weights(run: TrainedRun, records: Mapping[str, dict]) -> None:
    """Raises `UserError` if a record was measured with other weights than a run's.

    Args:
        run: with the weights that are handed on.
        records: of evaluations, by the names of their files.
    """
    weights = digests.of_model(run.model) if records else None
    for name, record in records.items():
        if record["model"].get("weights") != weights:
            raise UserError(
                f"--record: '{name}' was measured with other weights than those of '{run.path}', "
                f"step {run.step} ({run.weights}): evaluate that run"
            )
