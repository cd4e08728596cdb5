"""The files of a bundle: their names, and how its metadata is read."""

import json
from pathlib import Path

from tfadv.errors import UserError
from tfadv.runs.identity import Made

METADATA, REFERENCE, CARD = "metadata.json", "reference.npz", "model_card.md"
CONFIG = "config.gin"


def read_metadata(folder: Path) -> dict:
    """Returns a bundle's metadata.

    Raises:
        UserError: there is none.
    """
    path = folder / METADATA
    if not path.is_file():
        raise UserError(f"'{folder}' is no bundle of tfadv.export: it holds no {METADATA}")
    return json.loads(path.read_text(encoding="utf-8"))


def is_bundle(path: Path) -> bool:
    """Returns whether ``python -m tfadv.export`` wrote a folder."""
    return (path / METADATA).is_file()


def made_by(path: Path) -> Made:
    """Returns what is known of the run that a bundle was exported from."""
    data = read_metadata(path)["training"].get("data", {})
    return Made(str(path), data.get("test"), path / CONFIG)
