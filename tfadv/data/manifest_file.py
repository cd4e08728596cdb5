"""Files that list every image of a data set, which runs can be bound to.

``manifest.jsonl`` has one line an image, in the order in which the sources number them: its
split, its path below the split's folder (or its number), its size in bytes, the SHA-256 of its
contents, its label and class, and height, width and channels as they are stored. What is null
wasn't readable; ``problem`` says why.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from tfadv.data.manifest import reads_contents
from tfadv.data.paths import AnyPath, existing_path, open_bytes
from tfadv.data.remote_path import os_errors
from tfadv.data.source import Source
from tfadv.errors import UserError

PARAMETER = "Experiment.manifest"
_SHOWN = 3
_SHARE = 256  # images that a thread reads before the next one
_ROWS = 1000  # that are Python's objects at once, which take much more memory than arrays
_UNKNOWN = bytes(32)  # the digest of what can't be read


class Listed(NamedTuple):
    """The images of one split as a manifest lists them; one value for each.

    Attributes:
        paths: what they are called, as the system encodes names, bytes [N].
        sizes: in bytes, int64 [N].
        labels: int64 [N].
        contents: SHA-256 of each, uint8 [N, 32]; zeros where it couldn't be read.
    """

    paths: np.ndarray
    sizes: np.ndarray
    labels: np.ndarray
    contents: np.ndarray


def line(record: Mapping[str, object]) -> str:
    """Returns the line of one image: the same text for the same record."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def read(path: AnyPath) -> dict[str, Listed]:
    """Returns what a manifest lists, by split.

    Raises:
        UserError: it is none, or can't be read.
    """
    try:
        return _read(path)
    except OSError as error:
        reason = f"'{path}' can't be read: {error.strerror or error}"
        raise UserError(f"{PARAMETER}: {reason}", PARAMETER) from error


def _read(path: AnyPath) -> dict[str, Listed]:
    found: dict[str, list[Listed]] = {}
    rows: dict[str, list[tuple]] = {}
    with os_errors(), open_bytes(path) as lines:
        for number, text in enumerate(lines, 1):
            try:
                one = json.loads(text)
                contents = bytes.fromhex(one["sha256"] or _UNKNOWN.hex())
                row = os.fsencode(one["path"]), one["bytes"], one["label"], contents
                of_split = rows.setdefault(one["split"], [])
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{PARAMETER}: line {number} of '{path}' is none of a manifest that "
                    "python -m tfadv.data writes",
                    PARAMETER,
                ) from error
            of_split.append(row)
            if len(of_split) == _ROWS:
                found.setdefault(one["split"], []).append(_listed(of_split))
                of_split.clear()
    for split, rest in rows.items():
        found.setdefault(split, []).append(_listed(rest))
    return {split: _joined(parts) for split, parts in found.items()}


def _joined(parts: list[Listed]) -> Listed:
    """Returns the rows of all parts, which are let go one column after the other."""
    columns = [list(column) for column in zip(*parts, strict=True)]
    parts.clear()
    return Listed(*(np.concatenate(columns.pop(0)) for _ in Listed._fields))


def _listed(rows: Sequence[tuple]) -> Listed:
    paths, sizes, labels, contents = zip(*rows, strict=True) if rows else ((), (), (), ())
    digests = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, len(_UNKNOWN))
    return Listed(
        np.array(paths, "S"), np.array(sizes, np.int64), np.array(labels, np.int64), digests
    )


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
    if path.is_dir():
        raise UserError(f"{PARAMETER}: '{path}' is a folder, and no manifest", PARAMETER)
    listed = read(path)
    found = []
    for split, source in splits.items():
        if split not in listed:
            found.append(f"it lists no '{split}' images, but {', '.join(sorted(listed))}")
            continue
        found += [f"{split}: {text}" for text in _differences(listed[split], source, way)]
    return f"{PARAMETER}: '{path}' lists other images: {'; '.join(found)}" if found else ""


def _differences(listed: Listed, source: Source, way: str) -> list[str]:
    every = np.arange(len(source))
    if _are_called(source, listed.paths):
        paths, rows, here = listed.paths, every, every
    else:
        paths = _mapped(lambda index: os.fsencode(source.path(index)), every, "S")
        _, rows, here = np.intersect1d(listed.paths, paths, return_indices=True)
        order = np.argsort(rows)
        rows, here = rows[order], here[order]
    sizes = _mapped(source.size, here, np.int64)
    resized = listed.sizes[rows] != sizes
    relabelled = listed.labels[rows] != source.labels[here]
    rewritten = np.zeros_like(resized)
    if reads_contents(way, int(sizes.sum())):
        same = np.flatnonzero(~resized)
        contents = _mapped(lambda index: _digest(source, index), here[same], "V32")
        contents = contents.view(np.uint8).reshape(-1, len(_UNKNOWN))
        rewritten[same] = (listed.contents[rows[same]] != contents).any(axis=1)
    parts = (
        (listed.paths[np.setdiff1d(np.arange(len(listed.paths)), rows)], "{} gone"),
        (paths[np.setdiff1d(every, here)], "{} new"),
        (paths[here[resized]], "{} of another size"),
        (paths[here[relabelled]], "{} of another label"),
        (paths[here[rewritten]], "{} of other contents"),
    )
    return [_counted(files, text) for files, text in parts if len(files)]


def _are_called(source: Source, paths: np.ndarray) -> bool:
    """Returns whether the images have these paths, in this order; few are made at once."""
    if len(source) != len(paths):
        return False
    shares = (range(start, min(start + _ROWS, len(paths))) for start in range(0, len(paths), _ROWS))
    return all(
        paths[share.start : share.stop].tolist() == [os.fsencode(source.path(n)) for n in share]
        for share in shares
    )


def _counted(paths: np.ndarray, text: str) -> str:
    shown = ", ".join(f"'{os.fsdecode(path)}'" for path in paths[:_SHOWN])
    return text.format(f"{len(paths):,}") + f" ({shown}{', …' if len(paths) > _SHOWN else ''})"


def _digest(source: Source, index: int) -> bytes:
    try:
        return hashlib.sha256(source.contents(index)).digest()
    except OSError:
        return _UNKNOWN


def _mapped(function: Callable[[int], Any], numbers: np.ndarray, dtype: object) -> np.ndarray:
    def share(start: int) -> np.ndarray:
        return np.array([*map(function, numbers[start : start + _SHARE].tolist())], dtype)

    with ThreadPoolExecutor() as readers:  # hashing and reading both leave Python's lock
        shares = [*readers.map(share, range(0, len(numbers), _SHARE))]
    return np.concatenate([np.array([], dtype), *shares])
