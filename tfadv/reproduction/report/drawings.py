"""Which figures a reproduction has, and what stands beneath them."""

import functools
from collections.abc import Iterator, Mapping, Sequence

from tfadv.reports.drawings import Drawing
from tfadv.reproduction.experiment import Curves, Points, published
from tfadv.reproduction.page import Page
from tfadv.reproduction.report import figures
from tfadv.reproduction.report.absence import of_model, reasons
from tfadv.reproduction.report.same_runs import run_of, sentences

SECTION = "figures"


def drawings(page: Page) -> Iterator[tuple[Curves | Points, Drawing]]:
    """Yields the experiment's curves and points, each with its figure to be."""
    experiment = page.experiment
    for number, curves in enumerate(experiment.curves, 1):
        draw = functools.partial(figures.curves_figure, curves, page.results)
        file = _file(experiment.name, "curves", number, len(experiment.curves))
        caption = " ".join(_of_curves(curves, page))
        yield curves, Drawing(SECTION, file, curves.title, caption, draw)
    for number, points in enumerate(experiment.points, 1):
        draw = functools.partial(figures.points_figure, points, page.results)
        file = _file(experiment.name, "points", number, len(experiment.points))
        caption = " ".join(_of_points(points, page))
        yield points, Drawing(SECTION, file, points.title, caption, draw)


def _file(experiment: str, kind: str, number: int, count: int) -> str:
    return f"{experiment}_{kind}{f'_{number}' if count > 1 else ''}.png"


def _of_curves(curves: Curves, page: Page) -> Iterator[str]:
    lines = figures.lines_of_curves(curves, page.results)
    yield from _what_it_shows(lines)
    lacking: dict[str, list[str]] = {}
    for (label, files, _), line in zip(curves.lines, lines, strict=True):
        look_up = of_model if line.here else reasons
        for reason in look_up(page.results, files):
            lacking.setdefault(reason, []).append(f"‘{label}’")
    yield from _reasons(lacking)
    runs = [(run_of(files, page.sizes), branch) for _, files, branch in curves.lines]
    yield from sentences([label for label, _, _ in curves.lines], runs)


def _of_points(points: Points, page: Page) -> Iterator[str]:
    yield from _what_it_shows(figures.lines_of_points(points, page.results))
    printed = [published(number) for _, numbers in points.lines for number in numbers]
    if None in printed:
        yield "The paper drew more points than it printed; only printed ones stand here."
    for label, numbers in points.lines:
        lacking: dict[str, list[str]] = {}
        for x, number in zip(points.x, numbers, strict=True):
            look_up = of_model if page.results.measured(number) else reasons
            for reason in look_up(page.results, number.files):
                lacking.setdefault(reason, []).append(str(x))
        at = {reason: [f"‘{label}’ at {', '.join(xs)}"] for reason, xs in lacking.items()}
        yield from _reasons(at)
        runs = [run_of(number.files, page.sizes) for number in numbers]
        yield from sentences([f"{label}, {x}" for x in points.x], runs)


def _what_it_shows(lines: Sequence[figures.Line]) -> Iterator[str]:
    yield "Solid: here; bands are 95% intervals. Dashed: as the paper printed it."
    without = [f"‘{line.label}’" for line in lines if not line.paper]
    if without:
        yield f"The paper printed no numbers of {', '.join(without)}."


def _reasons(lacking: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yields a sentence for each reason, with what it keeps from being drawn."""
    for reason, names in lacking.items():
        yield f"Of {', '.join(names)}: {reason}."
