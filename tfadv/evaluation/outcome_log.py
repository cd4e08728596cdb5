"""The outcome of every image, written while an evaluation runs, so that it can resume."""

import datetime
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.data.manifest import difference, without_times
from tfadv.errors import UserError
from tfadv.files import write_text

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


class OutcomeLog:
    """Per-image outcomes by unit, in memory and, a line a batch, in a file.

    The same evaluation resumes from what the file holds. Every line ends in a digest of
    itself and the lines before it: one that was changed since, or is there twice, is left out,
    and its images are attacked once more.

    Args:
        path: of the file; None writes nothing.
        about: what is being evaluated, as JSON values.
        writes: whether this process is the one that writes.

    Attributes:
        began: the date on which the evaluation began, in UTC: ``2026-11-29``.

    Raises:
        UserError: the file is about another evaluation, or that can't be told.
    """

    def __init__(
        self,
        path: Path | None = None,
        about: Mapping[str, object] | None = None,
        writes: bool = True,
    ):
        self._path = path if writes else None
        self._lines: dict[Unit, list[dict[str, np.ndarray]]] = {}
        self._digest = ""  # of the last line
        self.began = datetime.datetime.now(datetime.UTC).date().isoformat()
        whole = _whole_lines(path) if path else ""
        if whole:
            whole = self._read(path, whole, about)
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, whole or self._sealed({"about": about, "began": self.began}))

    def found(self, unit: Unit) -> dict[str, np.ndarray]:
        """Returns a unit's columns so far, `index` among them; none where it has not begun.

        A column that lines of an earlier version lack is left out.
        """
        lines = self._lines.get(unit, [])
        names = [name for name in lines[0] if all(name in line for line in lines)] if lines else ()
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
            file.write(self._sealed(line))

    def _sealed(self, line: dict) -> str:
        """Returns a line with its digest, which the next one's depends on."""
        text = json.dumps(line, allow_nan=False)
        self._digest = hashlib.sha256((self._digest + text).encode()).hexdigest()[:16]
        return json.dumps(line | {"digest": self._digest}) + "\n"

    def _read(self, path, text, about) -> str:
        """Takes over the outcomes of a file's text; returns the text without damaged lines."""
        head, *written = text.splitlines(keepends=True)
        first = self._unsealed(head)
        if first is None or "about" not in first:
            raise UserError(
                f"'{path}': the first line, which says what it is of, is not as it was written: "
                "remove that file, and the evaluation starts anew"
            )
        self._check_same(path, first["about"], about)
        self.began = first.get("began", self.began)  # versions of before kept none
        lines = {number: self._unsealed(line) for number, line in enumerate(written, 2)}
        damaged = [number for number, line in lines.items() if line is None]
        whole = [line for line in lines.values() if line is not None]
        for line in whole:
            unit = Unit(*line["unit"])
            columns = {name: np.array(line[name]) for name in line if name != "unit"}
            self._lines.setdefault(unit, []).append(columns)
        if not damaged:
            return text
        if self._path:
            print(
                f"warning: '{path}': not as it was written, line {', '.join(map(str, damaged))}: "
                "what it said is worked out once more",
                file=sys.stderr,
            )
        self._digest = ""
        return "".join(map(self._sealed, (first, *whole)))

    def _unsealed(self, written: str) -> dict | None:
        """Returns what a line says, None unless it is as it was written, after the one before."""
        try:
            line = json.loads(written)
            digest = str(line.pop("digest"))
        except (ValueError, AttributeError, KeyError, TypeError):
            return None
        is_whole = self._sealed(line) == written
        self._digest = digest  # what the next line was written after
        return line if is_whole else None

    def _check_same(self, path, written, about) -> None:
        sides = written, json.loads(json.dumps(about))
        if not self._path:  # another worker's copy of the images has times of its own
            sides = ({**side, "data": without_times(side.get("data") or {})} for side in sides)
        different = _differences(*sides)
        if different:
            raise UserError(
                f"'{path}' holds another evaluation (other {', '.join(different)}): choose another "
                "--output, or remove that file"
            )


def configuration_of(path: Path) -> str:
    """Returns the gin configuration of the evaluation in a file; '' where it tells of none."""
    return str(about_in(path).get("configuration", ""))


def about_in(path: Path) -> dict[str, object]:
    """Returns what a file says that it is about; nothing where it tells of nothing."""
    head = _whole_lines(path).partition("\n")[0]
    try:
        return dict(json.loads(head)["about"])
    except (ValueError, KeyError, TypeError):
        return {}


def _whole_lines(path: Path) -> str:
    """Returns a file's text without a last line that is half there."""
    # What is no text makes its line none that was written.
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return text[: text.rfind("\n") + 1]


def _differences(old: Mapping, new: Mapping) -> list[str]:
    different = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if "data" in different:
        changed = difference(old.get("data") or {}, new.get("data") or {})
        different[different.index("data")] = f"data: {changed}"
    return different
