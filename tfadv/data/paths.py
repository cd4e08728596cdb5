"""Paths that users write in gin files: of local files, or with a scheme of others."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from tfadv.data.remote_path import Entry, RemotePath, is_remote
from tfadv.errors import UserError, nearest

AnyPath = Path | RemotePath


def expanded(text: str, parameter: str) -> str:
    """Returns a path with ``~`` and ``$VARIABLES`` expanded.

    Raises:
        UserError: a variable is not set.
    """
    found = os.path.expandvars(str(text))
    if "$" in found:
        raise UserError(f"{parameter}: '{text}' names an environment variable that is not set")
    return os.path.expanduser(found)  # noqa: PTH111  (Path would break gs://)


def as_path(text: str) -> AnyPath:
    """Returns a path, which has a scheme or is local."""
    return RemotePath(text) if is_remote(text) else Path(text)


def existing_path(text: str, parameter: str) -> AnyPath:
    """Returns the path with ``~`` and ``$VARIABLES`` expanded.

    Raises:
        UserError: a variable is not set, or nothing is there; the line names
            the nearest neighbour. Or it is remote and can't be reached.
    """
    path = as_path(expanded(text, parameter))
    if isinstance(path, RemotePath):
        path.check_scheme(parameter)
    try:
        if path.exists():
            return path
    except OSError as error:
        raise UserError(
            f"{parameter}: '{path}' can't be read: {error.strerror}", parameter
        ) from error
    raise UserError(f"{parameter}: no '{path}'.{nearest(path.name, _beside(path))}", parameter)


def scan(folder: AnyPath, files: tuple[str, ...] = ()) -> Iterable[os.DirEntry | Entry]:
    """Returns what a folder holds.

    Args:
        folder: local or remote.
        files: names that end so are taken for files in a remote one, without asking.

    Raises:
        OSError: it can't be listed.
    """
    return folder.scan(files) if isinstance(folder, RemotePath) else os.scandir(folder)


def open_bytes(file: AnyPath) -> BinaryIO:
    """Opens a file; who reads a remote one does it within `remote_path.os_errors`."""
    return file.open() if isinstance(file, RemotePath) else open(file, "rb")


def _beside(path: AnyPath) -> list[str]:
    try:
        if isinstance(path, RemotePath):
            return [name.rstrip("/") for name in path.parent.names()]
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []
