"""The package's commands in processes forked of this one, which has imported TensorFlow.

That is most of a start's time. `warm_up` comes before the first one of those that are to answer
signals from their own start on: it leaves the package out. Where the package is imported, as by
`quiet_start.import_tensorflow`, a command starts sooner, and doesn't answer them.
"""

import contextlib
import importlib
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_IMPORTED = ("tensorflow", "tensorflow_datasets", "keras", "matplotlib.figure", "rich.progress")


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code; negative where a signal ended it, None where it took too long.
        printed: on standard output.
        lines: of the standard error.
        seconds: how long it ran.
        after: seconds from `Command.signal` to the end; 0 without one.
    """

    code: int | None
    printed: str
    lines: list[str]
    seconds: float
    after: float

    @property
    def refused(self) -> bool:
        """Whether it ended in one line, which says what is wrong."""
        last = self.lines[-1] if self.lines else ""
        errors = [line for line in self.lines if not line.startswith(("warning: ", "note: "))]
        is_bug = "this is a bug" in last
        return (
            self.code in (1, 2) and errors == [last] and last.startswith("error: ") and not is_bug
        )


def warm_up() -> None:
    """Imports what every command does; not this package, whose start is the command's."""
    for name in _IMPORTED:
        importlib.import_module(name)


class Command:
    """One command, started.

    Args:
        words: those after ``python -m tfadv.``.
        folder: where it runs.
        first: is called in its process before it begins.
        variables: of its environment, besides this one's.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path = Path(),
        first: Callable[[], None] = bool,
        variables: Mapping[str, str] | None = None,
    ):
        self._files = tuple(tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        self._began, self._signalled = time.monotonic(), 0.0
        self._process = os.fork()
        if self._process == 0:
            os.chdir(folder)
            os.environ.update(variables or {})
            _become(words, [file.fileno() for file in self._files], first)

    def signal(self, number: int) -> None:
        """Sends a signal."""
        self._signalled = time.monotonic()
        os.kill(self._process, number)

    def has_ended(self, seconds: float) -> bool:
        """Waits so long for the end; returns whether it came."""
        deadline = time.monotonic() + seconds
        while os.waitid(os.P_PID, self._process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        return True

    def wait(self, seconds: float = 600.0) -> Ended:
        """Waits for the end; kills a command that takes longer."""
        in_time = self.has_ended(seconds)
        if not in_time:
            os.kill(self._process, signal.SIGKILL)
        now = time.monotonic()
        code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        texts = []
        for file in self._files:
            with file:
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        after = now - self._signalled if self._signalled else 0.0
        lines = texts[1].splitlines()
        return Ended(code if in_time else None, texts[0], lines, now - self._began, after)


def run(words: Sequence[str], folder: Path = Path(), first: Callable[[], None] = bool) -> Ended:
    """Runs a command to its end."""
    return Command(words, folder, first).wait()


def _become(words: Sequence[str], files: Sequence[int], first: Callable[[], None]) -> None:
    """Runs a command in this process, as ``python -m`` does, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command answers it
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
        # Not the end of Python: processes of several workers would wait for each other there.
        os._exit(code if isinstance(code, int) else int(code is not None))
