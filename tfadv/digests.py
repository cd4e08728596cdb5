"""SHA-256 digests of arrays, texts, files and folders."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def of_array(array: np.ndarray) -> str:
    """Returns a digest of an array's dtype, shape and values."""
    found = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return found.hexdigest()


def of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns a digest of named arrays, whatever their order."""
    return of_texts(f"{name} {of_array(arrays[name])}" for name in sorted(arrays))


def of_model(model) -> str:
    """Returns a digest of a Keras model's weights and running statistics."""
    return of_arrays({variable.path: np.asarray(variable) for variable in model.variables})


def of_texts(texts: Iterable[str]) -> str:
    """Returns a digest of some texts in their order."""
    # As JSON, in which no text can pass for two.
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()


def of_files(paths: Sequence[str | Path]) -> str:
    """Returns a digest of what some files hold, in their order and without their names."""
    with ThreadPoolExecutor() as readers:  # hashing and reading both leave Python's lock
        return hashlib.sha256(b"".join(readers.map(_content, paths))).hexdigest()


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


def _content(path: str | Path) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
