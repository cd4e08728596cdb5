"""Files that are written as a whole or not at all."""

import json
import os
import tempfile
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
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:  # such as /proc, or what is mounted to be read
        raise UserError(
            f"--{flag}: '{path}' can't be written: '{nearest}' takes no file ({error.strerror})"
        ) from None


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
