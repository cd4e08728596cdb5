"""Files that are written as a whole or not at all."""

import json
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Writes a file as a whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_json(path: Path, record: dict) -> None:
    """Writes a JSON file as a whole or not at all."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")
