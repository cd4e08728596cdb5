"""Commands in processes forked of one that has imported TensorFlow, but not this package.

So each one answers signals from its own start on.
"""

import importlib
import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
_IMPORTED = ("tensorflow", "tensorflow_datasets", "keras", "matplotlib.figure", "rich.progress")


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code; negative where a signal ended it by itself.
        output: what it printed.
        errors: the lines of its standard error.
        seconds: how long it ran.
        after: seconds from `Command.signal` to the end; 0 without one.
    """

    code: int
    output: str
    errors: list[str]
    seconds: float
    after: float


def warm_up() -> None:
    """Imports what every command does; not this package, whose start is the command's."""
    for name in _IMPORTED:
        importlib.import_module(name)


class Command:
    """One command, from its start.

    Args:
        words: its name and arguments.
        before: is called in the new process, before the command.
        variables: of its environment, besides this one's.
    """

    def __init__(
        self,
        words: Sequence[str],
        before: Callable[[], None] | None = None,
        variables: Mapping[str, str] | None = None,
    ):
        self._files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]  # noqa: SIM115
        self._began, self._signalled = time.monotonic(), 0.0
        self._process = os.fork()
        if self._process == 0:
            _become(words, [file.fileno() for file in self._files], before, variables or {})

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

    def ended(self, seconds: float = 600.0) -> Ended:
        """Waits for the end; a command that takes longer is killed."""
        if not self.has_ended(seconds):
            os.kill(self._process, signal.SIGKILL)
        now = time.monotonic()
        code = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        after = now - self._signalled if self._signalled else 0.0
        return Ended(code, texts[0], texts[1].splitlines(), now - self._began, after)


def run(*words: str) -> Ended:
    """Runs a command to its end, which must be a good one."""
    ended = Command(words).ended()
    if ended.code:
        raise RuntimeError(f"{' '.join(words)} ended with {ended.code}: {ended.errors[-1:]}")
    return ended


def _become(
    words: Sequence[str],
    files: Sequence[int],
    before: Callable[[], None] | None,
    variables: Mapping[str, str],
) -> None:
    """Runs a command in this process, as ``python -m`` does, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command answers it
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *files)):
        os.dup2(file, number)
    os.environ.update(variables)
    sys.argv = ["-m", *words[1:]]
    code: object = 1
    try:
        if before:
            before()
        runpy.run_module(f"tfadv.{words[0]}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not the end of Python: processes of several workers would wait for each other there.
        os._exit(code if isinstance(code, int) else int(code is not None))
