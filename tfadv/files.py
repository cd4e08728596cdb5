"""Files that are written as a whole or not at all."""

import json
from pathlib import Path


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
