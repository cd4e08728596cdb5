"""Which folders are runs."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfadv.errors import UserError, nearest
from tfadv.status.run_status import is_run

RUNS = Path("runs")


def runs_in(places: Sequence[str]) -> list[Path]:
    """Returns the runs that some folders are, or hold at any depth; by default those of `RUNS`.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places or [RUNS]):
        if not place.is_dir():
            said = "is a file, not a folder" if place.exists() else "is no folder"
            beside = [path.name for path in place.parent.glob("*/")] if not place.exists() else []
            raise UserError(f"'{place}' {said}: name runs.{nearest(place.name, beside)}")
        inside = list(_runs(place))
        if not inside:
            raise UserError(f"'{place}' holds no run")
        found |= dict.fromkeys(inside)
    return list(found)


def _runs(place: Path) -> Iterator[Path]:
    """Yields a run, or those in a folder; nothing is looked for inside a run."""
    for name, folders, _ in os.walk(place):
        folder = Path(name)
        if is_run(folder):
            folders.clear()
            yield folder
        folders.sort()
