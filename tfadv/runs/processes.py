"""The package's commands, each started as a process of its own that a signal still reaches."""

import contextlib
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from tfadv import interruption


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        code: its exit code.
        last_line: that it printed.
        seconds: that it took.
        stopped_by: the signal that this process got meanwhile and handed on, 0 if none.
    """

    code: int
    last_line: str
    seconds: float
    stopped_by: int = 0


def run(command: str, arguments: Sequence[str], log: Path, keep_open: Sequence[IO] = ()) -> Ended:
    """Runs ``python -m tfadv.COMMAND`` to its end.

    SIGINT and SIGTERM are handed on to it; it is waited for.

    Args:
        command: its name.
        arguments: of it.
        log: takes what it prints, after what is there.
        keep_open: files that it inherits, such as those that `locked` yields.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", f"tfadv.{command}", *arguments]
    with open(log, "a", encoding="utf-8") as output:
        output.write(f"$ {' '.join(words)}\n")
        output.flush()
        began = time.monotonic()
        with interruption.noted() as asked:
            process = subprocess.Popen(
                words,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C comes by way of this process alone
                pass_fds=[file.fileno() for file in keep_open],
            )
            asked.hand_on(process.send_signal)
            code = process.wait()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    seconds = time.monotonic() - began
    return Ended(code, lines[-1], seconds, asked.signal)


@contextlib.contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[IO | None]:
    """Holds a lock while the block runs, and for as long as a process that inherits it lives.

    Args:
        path: of the lock's file, which stays.
        wait: whether to wait for another process that holds it.

    Yields:
        The file, None if another process holds it and `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
        else:
            yield file
