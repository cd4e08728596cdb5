"""Files and folders that TensorFlow's file systems hold, such as ``gs://bucket/photos``."""

import contextlib
import errno
import importlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple

import tensorflow as tf

from tfadv.data.tensorflow_errors import first_line
from tfadv.errors import UserError

# Requests that wait for a network at once.
THREADS = 64
# Adds file systems to TensorFlow's when it is imported.
_PLUGIN = "tensorflow_io"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NUMBERS = (
    (tf.errors.NotFoundError, errno.ENOENT),
    ((tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError), errno.EACCES),
    (tf.errors.OpError, errno.EIO),
)


def is_remote(path: str) -> bool:
    """Returns whether a path has a scheme, such as ``gs://``."""
    return _SCHEME.match(path) is not None


@contextlib.contextmanager
def os_errors() -> Iterator[None]:
    """Raises TensorFlow's errors as the `OSError` that a local file would raise."""
    try:
        yield
    except tf.errors.OpError as error:
        number = next(number for kinds, number in _NUMBERS if isinstance(error, kinds))
        said = os.strerror(number) if number == errno.ENOENT else first_line(error)
        raise OSError(number, said) from error


class RemotePath:
    """A file or folder that TensorFlow reads.

    It has what is used here of `pathlib.Path`, which takes no scheme, and raises `OSError`
    as that does.

    Args:
        text: the path with its scheme.

    Attributes:
        name: what follows the last slash.
    """

    def __init__(self, text: str):
        self._text = text.rstrip("/") if not text.endswith("://") else text
        self.name = self._text.rpartition("/")[2]

    def __str__(self) -> str:
        return self._text

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self._text}{'' if self._text.endswith('/') else '/'}{name}")

    @property
    def parent(self) -> "RemotePath":
        """The folder that holds it."""
        above = self._text.rpartition("/")[0]
        return RemotePath(f"{above}/" if above.endswith("/") else above)

    def resolve(self) -> "RemotePath":
        """Returns itself: there is no path that it is short for."""
        return self

    def check_scheme(self, parameter: str) -> None:
        """Raises `UserError` if TensorFlow reads no such paths on this machine."""
        scheme = _SCHEME.match(self._text)[1]
        if scheme not in _schemes():
            with contextlib.suppress(Exception):  # not there, or of another TensorFlow
                importlib.import_module(_PLUGIN)
        known = _schemes()
        if scheme not in known:
            raise UserError(
                f"{parameter}: '{self}': TensorFlow {tf.__version__} reads "
                f"{', '.join(f'{one}://' for one in known)} here, and {scheme}:// perhaps with a "
                "tensorflow-io that fits it: install that, or copy the files to a local disk",
                parameter,
            )

    def exists(self) -> bool:
        """Returns whether anything is there."""
        return self._is_folder() is not None

    def is_dir(self) -> bool:
        """Returns whether it is a folder."""
        return bool(self._is_folder())

    def open(self) -> BinaryIO:
        """Opens a file's bytes; who reads them does it within `os_errors`."""
        return tf.io.gfile.GFile(self._text, "rb")

    def read_bytes(self) -> bytes:
        """Returns what a file holds."""
        with os_errors(), self.open() as opened:
            return opened.read()

    def read_text(self, encoding: str) -> str:
        """Returns the text that a file holds."""
        return self.read_bytes().decode(encoding)

    def names(self) -> list[str]:
        """Returns the names in a folder; those of folders may end in a slash."""
        with os_errors():
            return [*filter(None, tf.io.gfile.listdir(self._text))]

    def scan(self, files: tuple[str, ...] = ()) -> list["Entry"]:
        """Returns what a folder holds, by one call and one for each name that may be a folder.

        Args:
            files: names that end so are taken for files, without asking.
        """

        def entry(name: str) -> Entry:
            if name.endswith("/"):  # so object stores list folders
                return Entry(name.rstrip("/"), True)
            taken_for_file = name.lower().endswith(files) or name.startswith(".")
            return Entry(name, not taken_for_file and (self / name).is_dir())

        with ThreadPoolExecutor(THREADS) as asking:
            return [*asking.map(entry, self.names())]

    def _is_folder(self) -> bool | None:
        try:
            with os_errors():
                return tf.io.gfile.stat(self._text).is_directory
        except FileNotFoundError:
            return None


def _schemes() -> list[str]:
    return sorted(filter(None, tf.io.gfile.get_registered_schemes()))


class Entry(NamedTuple):
    """What a folder holds; like an `os.DirEntry`."""

    name: str
    is_folder: bool

    def is_dir(self) -> bool:
        """Returns whether it is a folder."""
        return self.is_folder
