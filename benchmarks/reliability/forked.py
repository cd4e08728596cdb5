"""The package's commands in processes forked of this one, which has imported TensorFlow.

That is most of a start's time; `quiet_start.import_tensorflow` comes before the first.
"""

import contextlib
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code; negative where a signal ended it, None where it took too long.
        printed: on standard output.
        lines: of the standard error.
    """

    code: int | None
    printed: str
    lines: list[str]

    @property
    def refused(self) -> bool:
        """Whether it ended in one line, which says what is wrong."""
        last = self.lines[-1] if self.lines else ""
        errors = [line for line in self.lines if not line.startswith(("warning: ", "note: "))]
        is_bug = "this is a bug" in last
        return (
            self.code in (1, 2) and errors == [last] and last.startswith("error: ") and not is_bug
        )


class Command:
    """One command, started.

    Args:
        words: those after ``python -m tfadv.``.
        folder: where it runs.
        first: is called in its process before it begins.
    """

    def __init__(self, words: Sequence[str], folder: Path, first: Callable[[], None] = bool):
        self._files = tuple(tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        self.process = os.fork()
        if self.process == 0:
            _become(words, folder, [file.fileno() for file in self._files], first)

    def wait(self, seconds: float = 300.0) -> Ended:
        """Waits for its end; kills it where that takes too long."""
        deadline = time.monotonic() + seconds
        while (ended := os.waitpid(self.process, os.WNOHANG)) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                return Ended(None, *self._texts())
            time.sleep(0.02)
        return Ended(os.waitstatus_to_exitcode(ended[1]), *self._texts())

    def _texts(self) -> tuple[str, list[str]]:
        texts = []
        for file in self._files:
            with file:
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return texts[0], texts[1].splitlines()


def run(words: Sequence[str], folder: Path, first: Callable[[], None] = bool) -> Ended:
    """Runs a command to its end."""
    return Command(words, folder, first).wait()


def _become(words: Sequence[str], folder: Path, files: Sequence[int], first) -> None:
    """Runs a command in this process, as ``python -m`` does, and ends it."""
    os.chdir(folder)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *files)):
        os.dup2(file, number)
    sys.argv = ["-m", *words[1:]]
    code: object = 1
    try:
        first()
        runpy.run_module(f"tfadv.{words[0]}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
