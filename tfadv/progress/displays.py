"""Where progress is shown: on a terminal, in a notebook's cell, or in a log."""

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBar

SECONDS_BETWEEN_LINES = 10.0
_SHARE_BETWEEN_LINES = 0.05  # of the time so far: days of work are some hundred lines
_SECONDS_BETWEEN_CHANGES = 0.5
_BAR_WIDTH = 20


class Display(Protocol):
    """Shows one line of text that changes."""

    def start(self) -> None:
        """Begins, or goes on after a pause."""

    def stop(self) -> None:
        """Ends, or makes room for other work's display."""

    def show(self, done: float, text: str, ends: bool) -> None:
        """Shows that `done` units are complete; `ends` for what must be seen."""


class Silent:
    """Shows nothing."""

    def start(self) -> None:
        """Does nothing."""

    stop = start

    def show(self, done: float, text: str, ends: bool) -> None:
        """Does nothing."""


class Bar:
    """A bar on a terminal.

    Args:
        console: the terminal.
        title: what is being done.
        total: units of work in all.
        start: units already done.
    """

    def __init__(self, console: Console, title: str, total: float, start: float):
        self._bar = RichBar(
            TextColumn("{task.description}", markup=False),
            BarColumn(_BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
        )
        self._task = self._bar.add_task(title, total=total, completed=start, text="")

    def start(self) -> None:
        """Puts the bar on the terminal."""
        self._bar.start()

    def stop(self) -> None:
        """Takes it off: a terminal shows one at a time."""
        self._bar.stop()

    def show(self, done: float, text: str, ends: bool) -> None:
        """Moves the bar."""
        self._bar.update(self._task, completed=done, text=text)


class Lines:
    """Lines of a log, ever rarer: each after a twentieth of the time so far, or ten seconds.

    Args:
        console: takes the lines.
        title: what is being done.
        total: units of work in all.
    """

    def __init__(self, console: Console, title: str, total: float):
        self._console, self._title, self._total = console, title, total
        self._began = self._last = time.monotonic()

    def start(self) -> None:
        """Does nothing: lines are in nobody's way."""

    stop = start

    def show(self, done: float, text: str, ends: bool) -> None:
        """Prints a line if one is due."""
        now = time.monotonic()
        wait = max(SECONDS_BETWEEN_LINES, _SHARE_BETWEEN_LINES * (now - self._began))
        if ends or now - self._last >= wait:
            self._last = now
            self._console.print(f"{self._title} {done:g}/{self._total:g}  {text}")


class Cell:
    """A line of a notebook's cell, which is changed in place.

    Args:
        title: what is being done.
        total: units of work in all.
        start: units already done.
    """

    def __init__(self, title: str, total: float, start: float):
        self._title, self._total, self._done, self._text = title, total, start, ""
        self._handle = None
        self._last = 0.0

    def start(self) -> None:
        """Does nothing: the line stays above what is printed meanwhile."""

    def stop(self) -> None:
        """Shows what came last."""
        self._change()

    def show(self, done: float, text: str, ends: bool) -> None:
        """Changes the line, twice a second at most."""
        self._done, self._text = done, text
        now = time.monotonic()
        if ends or now - self._last >= _SECONDS_BETWEEN_CHANGES:
            self._last = now
            self._change()

    def _change(self) -> None:
        from IPython.display import display

        share = min(self._done / self._total, 1.0) if self._total else 1.0
        bar = "█" * round(_BAR_WIDTH * share)
        line = f"{self._title} {bar:░<{_BAR_WIDTH}} {self._done:g}/{self._total:g}  {self._text}"
        data = {"text/plain": line}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def in_notebook() -> bool:
    """Returns whether what is printed goes to a notebook's cell."""
    return Console().is_jupyter


def plain_console() -> Console:
    """Returns a console that prints text as it is, and to a notebook without escape sequences."""
    is_terminal = False if in_notebook() else None  # for a kernel says that it is one
    return Console(
        highlight=False,
        soft_wrap=True,
        markup=False,
        force_jupyter=False,
        force_terminal=is_terminal,
    )


def display_on(
    console: Console, title: str, total: float, start: float, says_end: bool = True
) -> Display:
    """Returns what shows progress where a console prints.

    Args:
        console: prints.
        title: what is being done.
        total: units of work in all.
        start: units already done.
        says_end: whether something stays of it when it is done.
    """
    if console.is_terminal:
        return Bar(console, title, total, start)
    if in_notebook():  # whose cells keep every line that they ever had
        return Cell(title, total, start) if says_end else Silent()
    return Lines(console, title, total)
