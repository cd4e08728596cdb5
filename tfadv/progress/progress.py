"""Reports of long work, wherever they are read."""

import contextlib
import contextvars
from collections.abc import Iterator

from rich.console import Console

from tfadv.progress.displays import Silent, display_on, plain_console
from tfadv.progress.time_left import TimeLeft, duration

_silent = contextvars.ContextVar("silent", default=False)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Lets no work inside say how far it is."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


class Progress:
    """Reports of one long piece of work; use it as a context manager.

    Args:
        title: what is being done.
        total: units of work in all.
        start: units already done.
        console: where to print.
        quiet: prints nothing at all.
        says_end: whether its end is a line, too.
        pauses: how often `paused` will be entered, which the time left counts.
    """

    def __init__(
        self,
        title: str,
        total: int,
        start: int = 0,
        console: Console | None = None,
        quiet: bool = False,
        says_end: bool = True,
        pauses: int = 0,
    ):
        self._quiet = quiet = quiet or _silent.get()
        self.console = console or plain_console()
        self._total, self._says_end = total, says_end
        self._left = TimeLeft(total, start, pauses)
        self._display = (
            Silent() if quiet else display_on(self.console, title, total, start, says_end)
        )

    def __enter__(self) -> "Progress":
        self._display.start()
        return self

    def __exit__(self, *_) -> None:
        self._display.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Makes room while other work reports; what it takes is measured apart."""
        self._display.stop()
        try:
            with self._left.paused():
                yield
        finally:
            self._display.start()

    def say(self, line: str) -> None:
        """Prints a line, unless nothing is to be printed."""
        if not self._quiet:
            self.console.print(line)

    def update(self, done: float, what: str = "", **numbers: float) -> None:
        """Says that `done` units are complete, of `what`, with the latest numbers."""
        self._left.update(done)
        seconds = self._left.seconds()
        words = [what, *(f"{name} {value:.4g}" for name, value in numbers.items())]
        if seconds is not None and done < self._total:
            words.append(f"{duration(seconds)} left")
        ends = done == self._total and self._says_end
        self._display.show(done, "  ".join(filter(None, words)), ends)


class Work:
    """Progress of work whose units differ in size, shown as a percentage.

    Args:
        title: what is being done.
        cost: of the whole, in any unit.
        quiet: prints nothing at all.
        says_end: see `Progress`.
    """

    def __init__(self, title: str, cost: float, quiet: bool = False, says_end: bool = True):
        self._progress = Progress(f"{title}, %:", 100, quiet=quiet, says_end=says_end)
        self._cost = cost
        self._spent = 0.0

    def __enter__(self) -> "Work":
        self._progress.__enter__()
        return self

    def __exit__(self, *raised) -> None:
        self._progress.__exit__(*raised)

    def add(self, cost: float, what: str = "") -> None:
        """Says that some more is done."""
        self._spent += cost
        self._progress.update(round(min(100 * self._spent / self._cost, 100), 1), what)
