"""Records side by side: one page, and the tables of a terminal."""

import functools
from collections.abc import Iterator, Sequence

from rich.table import Table

from tfadv import plots
from tfadv.comparison.paired import UNPAIRED, Difference
from tfadv.comparison.sides import Side, columns, differing, pairs, rows, warnings
from tfadv.plots.curves import curves
from tfadv.reports.drawings import Drawing
from tfadv.reports.embedding import drawn
from tfadv.reports.tables import NONE
from tfadv.reports.templates import render

ROOM, TEMPLATE = "tfadv.comparison", "side_by_side.html.j2"
_IN_TABLE = ("points", "intervals", "p", "verdict")  # of a difference's words


def page(sides: Sequence[Side]) -> str:
    """Returns one self-contained page.

    Args:
        sides: two or more of different names, the first of which the others are compared with.
    """
    reasons = warnings(sides)
    return render(
        ROOM,
        TEMPLATE,
        sides=sides,
        columns=columns(sides),
        rows=rows(sides),
        differing=differing(sides),
        differences=[_words(pair.found, bool(reasons)) | pair._asdict() for pair in pairs(sides)],
        reasons=reasons,
        figures=[drawn(drawing).picture for drawing in _drawings(sides)],
    )


def record(sides: Sequence[Side]) -> dict[str, object]:
    """Returns what the page says of the differences, as JSON values."""
    reasons = warnings(sides)
    return {
        "sides": [side.name for side in sides],
        "warnings": reasons,
        "differing": dict(differing(sides)),
        "differences": [
            {
                "attack": pair.row.title,
                "settings": pair.row.words,
                "first": pair.first.title,
                "second": pair.second.title,
                **pair.found._asdict(),
                "verdict": _words(pair.found, bool(reasons))["verdict"],
            }
            for pair in pairs(sides)
        ],
    }


def accuracies(sides: Sequence[Side]) -> Table:
    """Returns the accuracies with their intervals."""
    titles = [column.title for column in columns(sides)]
    table = Table("attack", *titles, title="accuracy (95% interval)")
    for row in rows(sides):
        shown = [f"{one.accuracy} ({one.interval})" if one else NONE for one in row.cells]
        table.add_row(row.name, *shown)
    return table


def differences(sides: Sequence[Side]) -> Table:
    """Returns the differences, and whether they are more than chance."""
    incomparable = bool(warnings(sides))
    table = Table("attack", "difference", "points", "intervals", "McNemar's p", "verdict")
    table.title = f"difference from {sides[0].name}"
    for pair in pairs(sides):
        words = _words(pair.found, incomparable)
        of = f"{pair.second.title} less {pair.first.title}"
        table.add_row(pair.row.name, of, *(words[key] for key in _IN_TABLE))
    return table


def _words(found: Difference, incomparable: bool) -> dict[str, str]:
    """Returns a difference as text; without a verdict where the sides can't be compared."""
    p, counts = NONE, ""
    if found.p is not None and not incomparable:
        p = "< 0.001" if found.p < 0.001 else f"{found.p:.3f}"
        counts = f"{found.only_first} and {found.only_second} images"
    verdict = found.verdict
    if incomparable:
        verdict = "can't be compared"
    elif verdict == UNPAIRED:
        verdict = "beyond the intervals" if found.apart else "within the intervals"
    return {
        "points": f"{100 * found.change:+.1f}",
        "intervals": "apart" if found.apart else "overlap",
        "p": p,
        "counts": counts,
        "verdict": verdict,
    }


def _drawings(sides: Sequence[Side]) -> Iterator[Drawing]:
    """Yields the curves for which some side has two values."""
    records, names = [side.record for side in sides], [side.name for side in sides]
    for along, of, draw in (
        ("steps", "steps", plots.accuracy_curve),
        ("epsilon", "radius", plots.accuracy_against_epsilon),
    ):
        if curves(records, along, names):
            overlaid = functools.partial(draw, *records, names=names)
            file, title = f"accuracy_by_{along}.png", f"Accuracy by the attack's {of}"
            yield Drawing("curves", file, title, "Bands are 95% intervals.", overlaid)
