"""Errors that nobody foresaw: a line for the terminal, the details in a private file."""

import os
import platform
import shlex
import sys
import tempfile
import traceback
from importlib import metadata
from pathlib import Path

from tfadv.files import REMEDIES, refused

TRACEBACK = "TFADV_TRACEBACK"  # set, it lets such errors through as Python prints them
_PACKAGES = ("tfadv", "tensorflow", "keras", "numpy", "gin-config", "absl-py", "rich")


def line(error: Exception) -> str:
    """Returns what a command says of an error, and where its details are.

    What the system refuses, such as space on a disk or in memory, is no bug of this package.
    """
    import tensorflow as tf  # an error may come before TensorFlow does

    number = refused(error) if isinstance(error, OSError | tf.errors.OpError) else None
    if number:
        place = f": '{os.fsdecode(error.filename)}'" if _is_path(error) else ""
        remedy = REMEDIES.get(number)
        said = f"{remedy}, and give the same command again" if remedy else _details(error)
        return f"error: {os.strerror(number)}{place or _of_tensorflow(error)} ({said})"
    said = f"{(str(error).strip().splitlines() or [''])[0]:.200} ({_details(error)})"
    if isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
        return f"error: not enough memory: {said}"
    return f"error: this is a bug in tfadv: {type(error).__name__}: {said}"


def _is_path(error: Exception) -> bool:
    return isinstance(getattr(error, "filename", None), str | bytes | os.PathLike)


def _of_tensorflow(error: Exception) -> str:
    """Returns the file that an error of TensorFlow's names, as `line` puts it."""
    named, _, _ = str(error).strip().partition("; ")
    return f": '{named}'" if os.sep in named and "\n" not in named else ""


def _details(error: Exception) -> str:
    """Writes versions, command line and traceback; says where, or how else to see them."""
    try:
        number, path = tempfile.mkstemp(prefix="tfadv-error-", suffix=".txt")  # its owner's alone
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join([*_circumstances(), "", *traceback.format_exception(error)]))
    except OSError:
        return f"{TRACEBACK}=1 shows the details"
    return f"details in {path}"


def _circumstances() -> list[str]:
    """Returns what a report of a bug needs beside the traceback."""
    installed = {found.name: found.version for found in metadata.distributions()}
    versions = [f"{name} {installed[name]}" for name in _PACKAGES if name in installed]
    return [
        f"command: {shlex.join([*sys.orig_argv[:1], *sys.argv])}",
        f"folder: {Path.cwd()}",
        f"versions: {', '.join([f'python {platform.python_version()}', *versions])}",
        f"system: {platform.platform()}",
    ]
