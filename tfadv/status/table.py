"""Where runs stand, as a table of at most 100 columns and lines below it."""

import datetime
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from tfadv.progress import duration
from tfadv.status.run_status import NOT_FINITE, RUNNING, SILENT, STOPPED, RunStatus

WIDTH = 100
_HEADER = (
    *("run", "state", "step", "epoch", "loss", "clean/\nrobust", "best @\nepoch", "images/s"),
    "left, or\nlast",
)


def table(found: Sequence[RunStatus]) -> Table:
    """Returns a row for each run; accuracies are percent of the validation images."""
    where = _folder(found)
    made = Table(
        title=f"runs in {where}" if where else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name in _HEADER:
        made.add_column(name, no_wrap=name != "run", overflow="fold")
    for one in found:
        made.add_row(os.path.relpath(one.path, where) if where else one.path, *_cells(one))
    return made


def _folder(found: Sequence[RunStatus]) -> Path | None:
    """Returns the folder that holds all of several runs; None where that says nothing."""
    parents = {str(Path(one.path).absolute().parent) for one in found}
    common, here = Path(os.path.commonpath(parents)), Path.cwd()
    if len(found) < 2 or common in (here, *here.parents):
        return None
    return common.relative_to(here) if common.is_relative_to(here) else common


def lines(found: Sequence[RunStatus]) -> Iterator[str]:
    """Yields what a cell has no room for: who writes, how to go on, alarms, what is damaged."""
    for one in found:
        for line in _about(one):
            yield f"{one.path}: {line}"


def _about(one: RunStatus) -> Iterator[str]:
    if one.writer:
        by = "process {process} on {host}, since {since}".format(**one.writer)
        yield by if one.state == RUNNING else f"{by}, which has given no sign of life for a minute"
    if one.state == STOPPED:
        yield f"the same command resumes it at step {one.saved_step or 0:,}"
    if one.state == NOT_FINITE:
        yield "a step was not finite, and is kept in non_finite/: see docs/not_finite.md"
    if one.stopped_early:
        yield f"stopped early: {one.stopped_early}"
    for line in one.alarms:
        yield f"alarm: {line}"
    yield from one.problems


def _cells(one: RunStatus) -> list[str]:
    return [
        one.state,
        _of("" if one.step is None else f"{one.step:,}", one.steps),
        _of("" if one.epoch is None else f"{one.epoch:.4g}", one.epochs),
        "" if one.loss is None else f"{one.loss:.3g}",
        _accuracies(one.validation),
        f"{one.best['value']:.1%} @ {one.best['epoch']:g}" if one.best else "",
        "" if one.images_per_second is None else f"{one.images_per_second:,.0f}",
        _when(one),
    ]


def _of(done: str, whole: int | None) -> str:
    return done if whole is None else f"{done or 0}/{whole:,}"


def _accuracies(validation: dict | None) -> str:
    """Returns those of the branch that training attacks, else of the last one."""
    if not validation or not validation["branches"]:
        return ""
    branches = validation["branches"]
    branch = next((name for name in validation["attacked"] if name in branches), [*branches][-1])
    values = (branches[branch][name] for name in ("clean", "robust"))
    return "/".join("—" if value is None else f"{100 * value:.1f}" for value in values)


def _when(one: RunStatus) -> str:
    if one.seconds_left is not None:
        return duration(one.seconds_left)
    if one.state == SILENT or one.changed is None:
        return ""
    then, now = (datetime.datetime.fromisoformat(one.changed), datetime.datetime.now(datetime.UTC))
    is_recent = now - then < datetime.timedelta(hours=20)
    return then.astimezone().strftime("%H:%M" if is_recent else "%d %b %Y")
