"""What became of every image, kept while an evaluation goes on and written as it comes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.errors import UserError
from tfadv.run_directory import write_text

CLEAN = "clean"


class Unit(NamedTuple):
    """One piece of an evaluation: every image once.

    Attributes:
        branch: of the model.
        attack: the name of a run of an attack, or 'clean'.
        restart: 0, 1, …
    """

    branch: str
    attack: str
    restart: int = 0


class Verdicts:
    """Per-image outcomes by unit, in memory and, a line a batch, in a file.

    The same evaluation goes on from what the file holds.

    Args:
        path: of the file; None writes nothing.
        about: what is being evaluated, as JSON values.
        writes: whether this process is the one that writes.

    Raises:
        UserError: the file is about another evaluation.
    """

    def __init__(
        self,
        path: Path | None = None,
        about: Mapping[str, object] | None = None,
        writes: bool = True,
    ):
        self._path = path if writes else None
        self._lines: dict[Unit, list[dict[str, np.ndarray]]] = {}
        whole = _whole_lines(path) if path else ""
        if whole:
            self._read(path, whole, about)
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, whole or json.dumps({"about": about}) + "\n")

    def found(self, unit: Unit) -> dict[str, np.ndarray]:
        """Returns a unit's columns so far, `index` among them; none where it has not begun."""
        lines = self._lines.get(unit, [])
        names = lines[0] if lines else ()
        return {name: np.concatenate([line[name] for line in lines]) for name in names}

    def add(self, unit: Unit, columns: Mapping[str, np.ndarray]) -> None:
        """Keeps the outcomes of some more images: columns of one length, `index` among them."""
        self._lines.setdefault(unit, []).append(dict(columns))
        if self._path:
            values = {name: column.tolist() for name, column in columns.items()}
            self._append({"unit": list(unit)} | values)

    def progress(self) -> str:
        """Returns a text that tells whether two processes know of the same outcomes."""
        return str({unit: sum(len(line["index"]) for line in k) for unit, k in self._lines.items()})

    def _append(self, line: dict) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def _read(self, path, text, about) -> None:
        head, *lines = (json.loads(line) for line in text.splitlines())
        different = _differences(head["about"], json.loads(json.dumps(about)))
        if different:
            raise UserError(
                f"'{path}' holds another evaluation (other {', '.join(different)}): choose another "
                "--output, or remove that file"
            )
        for line in lines:
            unit = Unit(*line.pop("unit"))
            columns = {name: np.array(values) for name, values in line.items()}
            self._lines.setdefault(unit, []).append(columns)


def _whole_lines(path: Path) -> str:
    """Returns a file's text without a last line that is half there."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text[: text.rfind("\n") + 1]


def _differences(old: Mapping, new: Mapping) -> list[str]:
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
