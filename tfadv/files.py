"""Files that are written as a whole or not at all, and known again if they are damaged."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tfadv.errors import UserError

PARTIAL = ".partial"  # what a file's name ends in while it is written
_DIGEST = "digest"  # the last key of a record
_NO_ARRAYS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, AttributeError)
# What to do about what the system refuses.
REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room in your share of that disk",
    errno.EFBIG: "lift the limit of a file's size",
    errno.EROFS: "make that disk writable",
    errno.EACCES: "make it yours to read and write",
    errno.EPERM: "make it yours to read and write",
    errno.ENOENT: "put it back, if somebody removed it",
    errno.ENOTDIR: "put a folder in place of that file",
    errno.EISDIR: "put a file in place of that folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "lift the limit of open files",
    errno.EIO: "look at that disk",
    errno.ESTALE: "look at the connection to that disk",
    errno.ETIMEDOUT: "look at the connection to that disk",
}
_ROOM = "x" * 24  # what may be added to a name while a file or folder is written


def check_place(path: Path, flag: str) -> None:
    """Raises `UserError` unless a file or folder can be at `path`, before any work for it.

    Args:
        path: where it is to be; its folders need not exist, and what is there already is not
            looked at.
        flag: which names it, for the error.
    """
    whole = path.absolute()
    try:
        if whole.exists():
            return
        with_room = whole.with_name(whole.name + _ROOM) if whole.name else whole
        with_room.exists()  # which raises if the name is too long
        nearest = next(folder for folder in whole.parents if folder.exists())
    except OSError as error:
        raise UserError(f"--{flag}: '{path}' can't be written: {error.strerror}") from None
    if not nearest.is_dir():
        raise UserError(f"--{flag}: '{path}' can't be written: '{nearest}' is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"--{flag}: '{path}' can't be written: '{nearest}' is not yours to write")
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:  # such as /proc, or what is mounted to be read
        raise UserError(
            f"--{flag}: '{path}' can't be written: '{nearest}' takes no file ({error.strerror})"
        ) from None


def refused(error: Exception) -> int | None:
    """Returns the number of what the system refused, None where an error is another.

    Args:
        error: the system's, or one that quotes its words, as TensorFlow's do.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.errno
    return next((number for number in REMEDIES if os.strerror(number) in str(error)), None)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file as a whole or not at all, and waits until it would outlive a loss of power."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # room for others; the error of before says enough
            partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes a text as UTF-8, as a whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, record: dict) -> None:
    """Writes a JSON file as a whole or not at all."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Makes a folder as a whole or not at all.

    Args:
        path: of the folder; none, or an empty one, is there.

    Yields:
        An empty folder beside it, which becomes `path` after the block, or is removed. One that
        a killed process left there goes first.
    """
    partial = path.with_name(path.name + PARTIAL)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)  # the error of before says enough
        raise


def write_record(path: Path, record: dict) -> None:
    """Writes a JSON file that ends in a digest of what else it holds."""
    write_json(path, record | {_DIGEST: _digest_of(record)})


def read_record(path: Path, remedy: str, shape: Mapping[str, type] | None = None) -> dict:
    """Reads what `write_record` wrote, or a record of before, which has no digest.

    Args:
        path: of the file.
        remedy: what to do where it is damaged, for the error.
        shape: the types of keys that it must have.

    Raises:
        UserError: it is damaged, or was changed since it was written.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise UserError(f"'{path}' is damaged, it is no whole JSON record: {remedy}")
    written = record.pop(_DIGEST, None)
    if written not in (None, _digest_of(record)):
        raise UserError(f"'{path}' is not as it was written, by its digest: {remedy}")
    for key, kind in (shape or {}).items():
        if not isinstance(record.get(key), kind):
            raise UserError(f"'{path}' is damaged, it has no '{key}': {remedy}")
    return record


def read_json_lines(path: Path, key: str) -> list[dict]:
    """Returns the records of a file that holds one a line.

    A last line that is half there, as a killed process leaves it, is left out without a word,
    and so is a record without the key that has a ``kind`` of its own; any other damaged one is
    named in a warning.

    Args:
        path: of the file; none, where there is no file.
        key: of a number that each has.
    """
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    records, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if key not in record and record.get("kind"):
                continue
            float(record[key])
        except (ValueError, TypeError, KeyError, AttributeError):
            damaged += [str(number)] if line.endswith(b"\n") else []
        else:
            records.append(record)
    if damaged:
        print(
            f"warning: '{path}': left out what is damaged, line {', '.join(damaged)}",
            file=sys.stderr,
        )
    return records


def read_arrays(path: Path, remedy: str) -> dict[str, np.ndarray]:
    """Returns the arrays of an ``.npz`` file, by name.

    Raises:
        UserError: it is missing or damaged; `remedy` says what to do.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UserError(f"'{path}' is missing: {remedy}") from None
    except _NO_ARRAYS as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"'{path}' is damaged, {reason}: {remedy}") from None


def _digest_of(record: dict) -> str:
    as_read = json.loads(json.dumps(record))  # which has no tuples
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()[:32]
