"""Files that list every image of a data set, which runs can be bound to.

``manifest.jsonl`` has one line an image, in the order in which the sources number them: its
split, its path below the split's folder (or its number), its size in bytes, the SHA-256 of its
contents, its label and class, and height, width and channels as they are stored. What is null
wasn't readable; ``problem`` says why.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfadv.data.manifest import reads_contents
from tfadv.data.paths import existing_path
from tfadv.data.source import Source
from tfadv.errors import UserError

PARAMETER = "Experiment.manifest"
_SHOWN = 3
_SHARE = 256  # images that a thread reads before the next one


class Listed(NamedTuple):
    """The images of one split as a manifest lists them; one value for each.

    Attributes:
        paths: what they are called.
        sizes: in bytes, int64 [N].
        labels: int64 [N].
        contents: SHA-256 of each, in hexadecimal digits; None where it couldn't be read.
    """

    paths: Sequence[str]
    sizes: np.ndarray
    labels: np.ndarray
    contents: Sequence[str | None]


def line(record: Mapping[str, object]) -> str:
    """Returns the line of one image: the same text for the same record."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def read(path: Path) -> dict[str, Listed]:
    """Returns what a manifest lists, by split.

    Raises:
        UserError: it is none.
    """
    columns: dict[str, tuple[list, list, list, list]] = {}
    with open(path, encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            try:
                one = json.loads(text)
                values = one["path"], one["bytes"], one["label"], one["sha256"]
                split = columns.setdefault(one["split"], ([], [], [], []))
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{PARAMETER}: line {number} of '{path}' is none of a manifest that "
                    "python -m tfadv.data writes",
                    PARAMETER,
                ) from error
            for column, value in zip(split, values, strict=True):
                column.append(value)
    return {
        split: Listed(paths, np.array(sizes, np.int64), np.array(labels, np.int64), contents)
        for split, (paths, sizes, labels, contents) in columns.items()
    }


def difference(manifest: str, splits: Mapping[str, Source], way: str) -> str:
    """Returns in what images differ from those that a manifest lists, in one line, or ``""``.

    Args:
        manifest: the file's path; ``~`` and ``$VARIABLES`` are expanded.
        splits: the images by split, all of them present.
        way: whether contents are compared too, one of `tfadv.data.manifest.WAYS`.

    Raises:
        UserError: there is no such file, or it is no manifest.
    """
    path = existing_path(manifest, PARAMETER)
    listed = read(path)
    found = []
    for split, source in splits.items():
        if split not in listed:
            found.append(f"it lists no '{split}' images, but {', '.join(sorted(listed))}")
            continue
        found += [f"{split}: {text}" for text in _differences(listed[split], source, way)]
    return f"{PARAMETER}: '{path}' lists other images: {'; '.join(found)}" if found else ""


def _differences(listed: Listed, source: Source, way: str) -> list[str]:
    paths = [source.path(index) for index in range(len(source))]
    numbers = {path: index for index, path in enumerate(paths)}
    missing = [path for path in listed.paths if path not in numbers]
    added = {*paths}.difference(listed.paths)
    rows = np.array([row for row, path in enumerate(listed.paths) if path in numbers], np.int64)
    here = np.array([numbers[listed.paths[row]] for row in rows], np.int64)
    sizes = np.array(_mapped(source.size, here), np.int64)
    resized = listed.sizes[rows] != sizes
    relabelled = listed.labels[rows] != source.labels[here]
    rewritten = np.zeros_like(resized)
    if reads_contents(way, int(sizes.sum())):
        same = np.flatnonzero(~resized)
        contents = _mapped(lambda index: _digest(source, index), here[same])
        rewritten[same] = [
            listed.contents[row] != one for row, one in zip(rows[same], contents, strict=True)
        ]

    def named(where: np.ndarray) -> list[str]:
        return [paths[index] for index in here[where]]

    parts = (
        (missing, "{} gone"),
        (sorted(added, key=numbers.get), "{} new"),
        (named(resized), "{} of another size"),
        (named(relabelled), "{} of another label"),
        (named(rewritten), "{} of other contents"),
    )
    return [_counted(files, text) for files, text in parts if files]


def _counted(paths: Sequence[str], text: str) -> str:
    shown = ", ".join(f"'{path}'" for path in paths[:_SHOWN])
    return text.format(f"{len(paths):,}") + f" ({shown}{', …' if len(paths) > _SHOWN else ''})"


def _digest(source: Source, index: int) -> str | None:
    try:
        return hashlib.sha256(source.contents(index)).hexdigest()
    except OSError:
        return None  # as the manifest has it where a file couldn't be read


def _mapped(function: Callable[[int], Any], numbers: Iterable[int]) -> list:
    numbers = [int(number) for number in numbers]
    shares = [numbers[start : start + _SHARE] for start in range(0, len(numbers), _SHARE)]
    with ThreadPoolExecutor() as readers:  # hashing and reading both leave Python's lock
        found = readers.map(lambda share: [function(number) for number in share], shares)
        return [value for share in found for value in share]
