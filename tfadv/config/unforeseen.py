"""Errors that nobody foresaw: a line for the terminal, the details in a private file."""

import errno
import os
import platform
import shlex
import sys
import tempfile
import traceback
from importlib import metadata
from pathlib import Path

import tensorflow as tf

TRACEBACK = "TFADV_TRACEBACK"  # set, it lets such errors through as Python prints them
_PACKAGES = ("tfadv", "tensorflow", "keras", "numpy", "gin-config", "absl-py", "rich")
# What to do about what the system refuses.
_REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room in your share of that disk",
    errno.EFBIG: "lift the limit of a file's size",
    errno.EROFS: "make that disk writable",
    errno.EACCES: "make it yours to read and write",
    errno.EPERM: "make it yours to read and write",
    errno.ENOENT: "put it back, if somebody removed it",
    errno.ENOTDIR: "put a folder in place of that file",
    errno.EISDIR: "put a file in place of that folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "lift the limit of open files",
    errno.EIO: "look at that disk",
    errno.ESTALE: "look at the connection to that disk",
    errno.ETIMEDOUT: "look at the connection to that disk",
}
_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)


def line(error: Exception) -> str:
    """Returns what a command says of an error, and where its details are.

    What the system refuses, such as space on a disk or in memory, is no bug of this package.
    """
    refused = _refused(error)
    if refused:
        place = f": '{os.fsdecode(error.filename)}'" if _is_path(error) else ""
        remedy = _REMEDIES.get(refused)
        said = f"{remedy}, and give the same command again" if remedy else _details(error)
        return f"error: {os.strerror(refused)}{place or _of_tensorflow(error)} ({said})"
    said = f"{(str(error).strip().splitlines() or [''])[0]:.200} ({_details(error)})"
    if isinstance(error, _OF_MEMORY):
        return f"error: not enough memory: {said}"
    return f"error: this is a bug in tfadv: {type(error).__name__}: {said}"


def _refused(error: Exception) -> int | None:
    """Returns the number of what the system refused, None where the error is another."""
    if isinstance(error, OSError):
        return error.errno if error.strerror else None
    if isinstance(error, tf.errors.OpError):  # which have the system's words alone
        return next((number for number in _REMEDIES if os.strerror(number) in str(error)), None)
    return None


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
