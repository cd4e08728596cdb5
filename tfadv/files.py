"""Files that are written as a whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tfadv.errors import UserError

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


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Writes a folder as a whole or not at all.

    Args:
        path: where there is no folder yet, or an empty one.

    Yields:
        An empty folder beside it, which gets its name at the end; what a killed process left
        of that is removed.
    """
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file as a whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)


def write_text(path: Path, text: str) -> None:
    """Writes a text as UTF-8, as a whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, record: dict) -> None:
    """Writes a JSON file as a whole or not at all."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")
