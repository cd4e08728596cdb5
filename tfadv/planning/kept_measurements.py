"""What was measured on this machine, kept in the user's cache folder.

Nothing depends on it but time: where the folder can't be written or a file of it is damaged, the
next process measures once more.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from tfadv import digests
from tfadv.errors import UserError
from tfadv.files import read_record, write_record

FOLDER = "TFADV_CACHE_DIR"  # the variable that names another folder
_ABOUT, _FOUND = "about", "found"


def recall(about: Mapping[str, object]) -> dict | None:
    """Returns what was measured before; None where it was not, or the file is damaged.

    Args:
        about: all that it depends on, as JSON values.
    """
    path = _path(about)
    if path is None:
        return None
    try:
        record = read_record(path, "", {_ABOUT: dict, _FOUND: dict})
    except (OSError, UserError):
        return None
    return record[_FOUND] if record[_ABOUT] == json.loads(json.dumps(about)) else None


def keep(about: Mapping[str, object], found: Mapping[str, object]) -> None:
    """Keeps what was measured, as JSON values, for the processes to come."""
    path = _path(about)
    if path is None:
        return
    with contextlib.suppress(OSError):  # they measure it, too
        path.parent.mkdir(parents=True, exist_ok=True)
        write_record(path, {_ABOUT: dict(about), _FOUND: dict(found)})


def _path(about: Mapping[str, object]) -> Path | None:
    """Returns the file of a measurement; None where a user has no home to keep it in."""
    folder = _folder()
    name = f"{digests.of_texts([json.dumps(about, sort_keys=True)])[:32]}.json"
    return folder and folder / name


def _folder() -> Path | None:
    if own := os.environ.get(FOLDER):
        return Path(own)
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():
        return shared / "tfadv"
    try:
        return Path.home() / ".cache" / "tfadv"
    except RuntimeError:  # as for a user whom the machine doesn't know
        return None
