"""What libraries in C write to the standard error of the process."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator

# TensorFlow's own log.
_LOG_LINE = re.compile(r"[IWEF]\d{4} |WARNING: All log messages before absl")


class Remarks:
    """Hears what is written to the standard error; use it as a context manager.

    libjpeg replaces what it can't decode and says so there, and nowhere else.
    """

    def __enter__(self) -> "Remarks":
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed on leaving)
        return self

    def __exit__(self, *_) -> None:
        self._said.close()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Keeps what is written meanwhile, by anything in this process, from being shown."""
        stderr = os.dup(2)
        os.dup2(self._said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)

    def taken(self) -> list[str]:
        """Returns the lines that were heard since the last time."""
        if not os.fstat(self._said.fileno()).st_size:
            return []
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        self._said.seek(0)
        self._said.truncate()
        return [line for line in lines if line and not _LOG_LINE.match(line)]
