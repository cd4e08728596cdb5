"""SHA-256 digests of arrays, texts, files and folders."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

_BLOCK = 2**20  # bytes
_TEXTS = 10_000  # of which a JSON text is made at once
_SHARE = 200  # files of one reader at a time


def of_array(array: np.ndarray) -> str:
    """Returns a digest of an array's dtype, shape and values."""
    return of_parts(array.dtype, array.shape, [array])


def of_parts(dtype: np.dtype, shape: Sequence[int], parts: Iterable[np.ndarray]) -> str:
    """Returns what `of_array` returns of an array that comes in parts.

    Args:
        dtype: of the whole array.
        shape: of the whole array.
        parts: which make it up, one below the other.
    """
    found = hashlib.sha256(f"{dtype.str} {tuple(shape)} ".encode())
    for part in parts:
        found.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8))
    return found.hexdigest()


def of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns a digest of named arrays, whatever their order."""
    return of_texts(f"{name} {of_array(arrays[name])}" for name in sorted(arrays))


def of_model(model) -> str:
    """Returns a digest of a Keras model's weights and running statistics."""
    return of_arrays({variable.path: np.asarray(variable) for variable in model.variables})


def of_texts(texts: Iterable[str]) -> str:
    """Returns a digest of some texts in their order."""
    # As a list in JSON, in which no text can pass for two.
    found, texts, between = hashlib.sha256(b"["), iter(texts), ""
    while share := list(itertools.islice(texts, _TEXTS)):
        found.update((between + json.dumps(share)[1:-1]).encode())
        between = ", "
    found.update(b"]")
    return found.hexdigest()


def of_files(paths: Sequence[str | Path]) -> str:
    """Returns a digest of what some files hold, in their order and without their names."""
    return _of_digests(len(paths), lambda number: _content(paths[number]))


def of_contents(numbers: Sequence[int], content: Callable[[int], bytes]) -> str:
    """Returns what `of_files` returns of files that a function reads.

    Args:
        numbers: of the files, in their order.
        content: returns what a file holds; threads call it at once.
    """
    return _of_digests(len(numbers), lambda n: hashlib.sha256(content(int(numbers[n]))).digest())


def of_path(path: Path, pattern: str = "*") -> str:
    """Returns a digest of a file, or of the files of a folder and their names.

    Args:
        path: the file or folder.
        pattern: of the files' names in a folder.
    """
    if path.is_file():
        return _content(path).hex()
    files = sorted(file for file in path.rglob(pattern) if file.is_file())
    return of_texts([*(str(file.relative_to(path)) for file in files), of_files(files)])


def _of_digests(count: int, digest: Callable[[int], bytes]) -> str:
    def share(start: int) -> bytes:
        return b"".join(map(digest, range(start, min(start + _SHARE, count))))

    with ThreadPoolExecutor() as readers:  # hashing and reading both leave Python's lock
        return hashlib.sha256(b"".join(readers.map(share, range(0, count, _SHARE)))).hexdigest()


def _content(path: str | Path) -> bytes:
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # most are small: one read
        while block := file.read(_BLOCK):
            found.update(block)
    return found.digest()


def manifest(folder: Path, without: Sequence[str] = ()) -> dict[str, dict[str, object]]:
    """Returns ``bytes`` and ``sha256`` of every file of a folder, by its path in it.

    Args:
        folder: the folder.
        without: paths that are left out.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    named = {file.relative_to(folder).as_posix(): file for file in files}
    return {
        name: {"bytes": file.stat().st_size, "sha256": of_path(file)}
        for name, file in named.items()
        if name not in without
    }


def flaw(folder: Path, listed: Mapping[str, Mapping]) -> str:
    """Returns in what a folder's files are not those of its `manifest`, or ``""``."""
    try:
        for name, noted in listed.items():
            file = folder / name
            if Path(name).is_absolute() or ".." in Path(name).parts:
                return f"{name} is in another folder"
            size = file.stat().st_size
            if size != noted["bytes"]:
                return f"{name} has {size} bytes instead of {noted['bytes']}"
            if of_path(file) != noted["sha256"]:
                return f"{name} is not what was saved, by its SHA-256"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return f"{Path(error.filename or folder).name}: {error.strerror}"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "the list of its files is damaged"
    return ""
