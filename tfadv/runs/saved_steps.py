"""The files of a run's checkpoints: which are whole, how one is written, which are kept.

A checkpoint is the folder ``step-N``: TensorFlow's files of the variables, and
``manifest.json``, which holds the step, the files' sizes and SHA-256, and what the run is
bound to. It is written beside, in ``step-N.partial``, and brought to the disk before it gets
its name: there is all of it or nothing. No list says which checkpoints there are.
"""

import dataclasses
import functools
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

from tfadv import digests
from tfadv.errors import UserError
from tfadv.files import write_json

MANIFEST = "manifest.json"
_VARIABLES = "variables"
_STEP = re.compile(r"step-(\d+)")
# Before there were manifests: TensorFlow's files, and the list that it went by.
_BARE = r"step-(\d+)\.(?:index|data-\d{5}-of-\d{5})"
_BARE_LIST = "checkpoint"
_LEFTOVER = re.compile(
    rf"step-\d+\.(?:partial|removed)|step-\d+_temp|{_BARE}\.tempstate\d+|{_BARE_LIST}\.tmp[0-9a-f]+"
    r"|best-[\w.-]+\.json\.partial"
)


@dataclasses.dataclass(frozen=True, order=True)
class SavedStep:
    """The files of one checkpoint, whole or not.

    Attributes:
        step: the optimizer's.
        has_manifest: whether it is a folder, as they are now. Those that were made before
            are bare files, ``step-N.index`` and ``step-N.data-…``.
        folder: where the run's checkpoints are.
    """

    step: int
    has_manifest: bool
    folder: Path

    @property
    def path(self) -> Path:
        """The checkpoint's folder, or what its bare files' names begin with."""
        return self.folder / f"step-{self.step}"

    @property
    def prefix(self) -> str:
        """What TensorFlow calls the checkpoint."""
        return str(self.path / _VARIABLES if self.has_manifest else self.path)

    def flaw(self, bound_to: Mapping[str, str]) -> str:
        """Returns why the checkpoint is not whole, or ``""``.

        It is whole if its files are those of its manifest, byte for byte, and its run is this
        one. Without a manifest, if TensorFlow reads all of its tensors, whose checksums it
        compares.

        Args:
            bound_to: digests of what the run is bound to, by name; one that either side
                lacks is not compared.
        """
        return self._flaw_by_manifest(bound_to) if self.has_manifest else self._flaw_of_tensors()

    def remove(self) -> None:
        """Removes the files; whatever ends the process meanwhile, no half of them is taken
        for a checkpoint."""
        if self.has_manifest:
            removed = self.path.with_name(f"{self.path.name}.removed")
            _remove(removed)
            self.path.rename(removed)
            _remove(removed)
            return
        for file in sorted(self.folder.glob(f"{self.path.name}.*"), reverse=True):  # index first
            if re.fullmatch(_BARE, file.name):
                file.unlink()

    def _flaw_by_manifest(self, bound_to: Mapping[str, str]) -> str:
        try:
            manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            if manifest["step"] != self.step:
                return f"its {MANIFEST} is of step {manifest['step']}"
            for what, digest in bound_to.items():
                if manifest["bound_to"].get(what, digest) != digest:
                    return f"it was saved with another {what}"
            listed = {f"{_VARIABLES}.index": None, **manifest["files"]}
        except FileNotFoundError:
            return f"{MANIFEST if self.path.is_dir() else self.path.name} is missing"
        except OSError as error:
            return f"{Path(error.filename or self.path).name}: {error.strerror}"
        except (ValueError, TypeError, KeyError, AttributeError):
            return f"its {MANIFEST} is damaged"
        return digests.flaw(self.path, listed)

    def _flaw_of_tensors(self) -> str:
        try:
            reader = tf.train.load_checkpoint(self.prefix)
            for key in reader.get_variable_to_shape_map():
                reader.get_tensor(key)
        except (tf.errors.OpError, ValueError, RuntimeError, IndexError, OSError) as error:
            return (str(error) or type(error).__name__).splitlines()[0]
        return ""


def any_saved(folder: Path) -> bool:
    """Returns whether a folder holds checkpoints, whole or not."""
    return bool(all_saved(folder)) or (folder / _BARE_LIST).exists()


def newest_whole(folder: Path, bound_to: Mapping[str, str]) -> SavedStep | None:
    """Returns the newest whole checkpoint of a run; None where it was never saved.

    What is newer and not whole is named in a line on stderr, once in a process.

    Args:
        folder: of the run's checkpoints.
        bound_to: digests of what the run is bound to, by name.

    Raises:
        UserError: there are checkpoints, and none is whole.
    """
    flaws = []
    for saved in all_saved(folder):
        flaw = saved.flaw(bound_to)
        if not flaw:
            for text in flaws:
                _warn(f"passed over the checkpoint {text}: taking that of step {saved.step}")
            return saved
        flaws.append(f"'{saved.path}' ({flaw})")
    if not any_saved(folder):
        return None
    named = ", ".join(flaws) or "those that its list names are gone"
    raise UserError(
        f"no checkpoint in '{folder}' is whole: {named}: put one back, or remove that folder, and "
        "the run begins anew"
    )


def write(saved: SavedStep, bound_to: Mapping[str, str], write_files: Callable[[str], object]):
    """Writes a checkpoint, in place of one of that step that is not whole.

    Args:
        saved: the step and where.
        bound_to: digests of what the run is bound to, by name.
        write_files: writes TensorFlow's files, given what their names begin with.
    """
    made = not saved.folder.exists()
    saved.folder.mkdir(parents=True, exist_ok=True)
    partial = saved.path.with_name(f"{saved.path.name}.partial")
    _remove(partial)
    partial.mkdir()
    write_files(str(partial / _VARIABLES))
    files = digests.manifest(partial)
    manifest = {"step": saved.step, "bound_to": dict(bound_to), "files": files}
    write_json(partial / MANIFEST, manifest)
    for path in (*partial.iterdir(), partial):
        _to_disk(path)
    if saved.path.exists():
        saved.remove()
    partial.rename(saved.path)
    _to_disk(saved.folder)
    if made:
        _to_disk(saved.folder.parent)


def keep_newest(
    folder: Path,
    bound_to: Mapping[str, str],
    known: set,
    count: int,
    every: int,
    best_at: Callable[[int], int | None],
):
    """Removes old checkpoints, and what is not whole among the newest.

    Args:
        folder: of the run's checkpoints.
        bound_to: digests of what the run is bound to, by name.
        known: those that this process found whole already.
        count: of the newest whole ones, which stay.
        every: those of its multiples stay, too; 0 stands for none.
        best_at: returns the step of the best one as of a step, if there is one: for each of
            the newest, from which the run may resume, that stays.
    """
    kept, best = 0, set()
    for saved in all_saved(folder):
        if kept < count and (saved in known or not saved.flaw(bound_to)):
            kept += 1
            best.add(best_at(saved.step))
        elif not (every and saved.step % every == 0) and saved.step not in best:
            saved.remove()
    (folder / _BARE_LIST).unlink(missing_ok=True)  # it doesn't know what was saved since


def remove_leftovers(folder: Path) -> None:
    """Removes what saves that were killed have left, and nothing else."""
    for path in folder.glob("*"):
        if _LEFTOVER.fullmatch(path.name):
            _remove(path)


def all_saved(folder: Path) -> list[SavedStep]:
    """Returns all checkpoints, whole or not, newest first."""
    found = set()
    for path in folder.glob("step-*"):
        if match := _STEP.fullmatch(path.name):
            found.add(SavedStep(int(match[1]), True, folder))
        elif match := re.fullmatch(_BARE, path.name):
            found.add(SavedStep(int(match[1]), False, folder))
    return sorted(found, reverse=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Waits until a file's bytes, or the names in a folder, would outlive a loss of power."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@functools.cache  # weights to start from are read twice
def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
