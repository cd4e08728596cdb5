"""A step to be done again alone: all that it takes, in one folder.

``step.json`` says what the step was and what went wrong, ``state.npz`` holds every variable as
it was before, ``batch.npz`` the images, and ``config.gin`` the configuration. Nothing in it
is pickled, and neither the run nor its data set is needed.
"""

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfadv.errors import UserError
from tfadv.files import write_json, write_text
from tfadv.runs.run_files import NON_FINITE

_RECORD, _STATE, _BATCH, _CONFIG = "step.json", "state.npz", "batch.npz", "config.gin"


@dataclasses.dataclass(frozen=True)
class StepDump:
    """One step of a run.

    Attributes:
        record: JSON values; `step`, counted from 1, is one of them.
        state: the variables before the step, by their names in a checkpoint.
        batch: ``image`` [B, H, W, C], ``label`` [B] and ``index`` [B] of the whole batch, and
            where the run has them ``target`` [B, K] and ``weight`` [B].
        config: the run's configuration, as gin.
    """

    record: Mapping[str, object]
    state: Mapping[str, np.ndarray]
    batch: Mapping[str, np.ndarray]
    config: str

    def write(self, run: Path) -> Path:
        """Writes the dump into a run's folder, as a whole or not at all.

        Returns:
            Its folder, ``non_finite/step-N``.
        """
        folder = run / NON_FINITE / f"step-{self.record['step']}"
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write_json(partial / _RECORD, dict(self.record))
        np.savez(partial / _STATE, **self.state)
        np.savez(partial / _BATCH, **self.batch)
        write_text(partial / _CONFIG, self.config)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
        return folder

    @classmethod
    def read(cls, folder: Path) -> "StepDump":
        """Reads a dump.

        Raises:
            UserError: a file of it is missing or damaged.
        """
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            config = (folder / _CONFIG).read_text(encoding="utf-8")
            return cls(record, _arrays(folder / _STATE), _arrays(folder / _BATCH), config)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"--replay: '{folder}' is no whole dump of a step: {reason}") from None


def place(path: Path) -> Path:
    """Returns the folder of a dump that was named by itself, or by a file in it.

    Raises:
        UserError: there is none.
    """
    folder = path.parent if path.is_file() else path
    if not (folder / _RECORD).is_file():
        raise UserError(
            f"--replay: '{path}' is no dump of a step: a run whose numbers stop being finite "
            f"leaves one in its folder, as {NON_FINITE}/step-N"
        )
    return folder


def config_file(folder: Path) -> str:
    """Returns the gin file of a dump."""
    return str((folder / _CONFIG).resolve())


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
