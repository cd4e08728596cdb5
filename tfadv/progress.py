"""How far a run has come: a live bar on a terminal, a line now and then elsewhere."""

import contextlib
import contextvars
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 10.0
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
    """

    def __init__(
        self,
        title: str,
        total: int,
        start: int = 0,
        console: Console | None = None,
        quiet: bool = False,
        says_end: bool = True,
    ):
        quiet = quiet or _silent.get()
        self._quiet, self._says_end = quiet, says_end
        self.console = console or Console(highlight=False, soft_wrap=True, markup=False)
        self._title, self._total = title, total
        self._first: tuple[int, float] | None = None
        self._last_line = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=self.console,
            disable=quiet or not self.console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, completed=start, numbers="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Takes the bar off a terminal, which shows one at a time, while other work has its own."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def say(self, line: str) -> None:
        """Prints a line, unless nothing is to be printed."""
        if not self._quiet:
            self.console.print(line)

    def update(self, done: float, what: str = "", **numbers: float) -> None:
        """Says that `done` units are complete, of `what`, with the latest numbers."""
        text = "  ".join([what, *(f"{name} {value:.4g}" for name, value in numbers.items())])
        self._bar.update(self._task, completed=done, numbers=text)
        now = time.monotonic()
        # The first unit is left out of the estimate: it was traced and compiled.
        self._first = self._first or (done, now)
        first_done, first_time = self._first
        ends = done == self._total and self._says_end
        due = now - self._last_line >= SECONDS_BETWEEN_LINES or ends
        if due and not self._quiet and not self.console.is_terminal:
            self._last_line = now
            line = f"{self._title} {done:g}/{self._total}  {text.strip()}"
            if done > first_done:
                left = (now - first_time) / (done - first_done) * (self._total - done)
                line += f"  {left:.0f} s left"
            self.console.print(line)


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
