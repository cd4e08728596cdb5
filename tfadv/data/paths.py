"""Paths that users write in gin files."""

import os
from pathlib import Path

from tfadv.errors import UserError, nearest


def expanded(text: str, parameter: str) -> str:
    """Returns a path with ``~`` and ``$VARIABLES`` expanded.

    Raises:
        UserError: a variable is not set.
    """
    found = os.path.expandvars(str(text))
    if "$" in found:
        raise UserError(f"{parameter}: '{text}' names an environment variable that is not set")
    return os.path.expanduser(found)  # noqa: PTH111  (Path would break gs://)


def existing_path(text: str, parameter: str) -> Path:
    """Returns the path with ``~`` and ``$VARIABLES`` expanded.

    Raises:
        UserError: a variable is not set, or nothing is there; the line names
            the nearest neighbour.
    """
    path = Path(expanded(text, parameter))
    if path.exists():
        return path
    neighbours = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    raise UserError(f"{parameter}: no '{path}'.{nearest(path.name, neighbours)}", parameter)
