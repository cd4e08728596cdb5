"""Everything that a report shows, in its order, as text and pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tfadv.reports.embedding import Picture
from tfadv.reproduction.catalogue import EVERYTHING, EXPERIMENTS
from tfadv.reproduction.experiment import Curves, Experiment, Points, Table
from tfadv.reproduction.page import Compared, Page
from tfadv.reproduction.report import other_attacks, runs, tables
from tfadv.reproduction.report.grid import Column, Grid, Row, plain
from tfadv.reproduction.report.judgements import Judgement, judgements, summary
from tfadv.reproduction.report.numbers import listed

PAPER = "Xie & Yuille, Intriguing properties of adversarial training at scale (ICLR 2020)"
LONG = 10  # rows; a longer table is folded where there are several


class Figure(NamedTuple):
    """One figure, on the page and as files.

    Attributes:
        anchor: its place on the page.
        picture: what the page shows.
        png: its path, relative to the report's folder.
        svg: likewise.
    """

    anchor: str
    picture: Picture
    png: str
    svg: str


class TableShown(NamedTuple):
    """One table of the experiment: its place on the page, its title and its text."""

    anchor: str
    title: str
    grid: Grid
    is_folded: bool


class Contents(NamedTuple):
    """A report in its order.

    Attributes:
        title: the place in the paper and what it is about.
        paper: whose place that is.
        scale: the name of the scale.
        caution: how far the numbers here and in the paper compare.
        settings: the scale's beside the paper's.
        budget: what it took, as name and text.
        summary: how many claims hold.
        judgements: the claims.
        tables: of numbers.
        figures: curves, points and those of the norms' statistics.
        runs: a row for each.
        are_runs_folded: whether there are many.
        commands: that made the runs and the report.
        versions: of the software, as name and text.
    """

    title: str
    paper: str
    scale: str
    caution: str
    settings: Grid
    budget: Sequence[tuple[str, str]]
    summary: str
    judgements: Sequence[Judgement]
    tables: Sequence[TableShown]
    figures: Sequence[Figure]
    runs: Grid
    are_runs_folded: bool
    commands: Sequence[str]
    versions: Sequence[tuple[str, str]]


def contents(page: Page, folder: Path, figures: Sequence[Figure]) -> Contents:
    """Puts together what is known.

    Args:
        page: what is known.
        folder: of the report, from which links lead.
        figures: drawn before.
    """
    experiment, all_runs = page.experiment, runs.grid(page, folder)
    return Contents(
        f"{_capital(experiment.where)}: {experiment.title}",
        PAPER,
        page.scale,
        _caution(page.settings),
        _settings(page.settings),
        page.budget,
        summary(page.verdicts),
        judgements(page.verdicts),
        list(_tables(page)),
        figures,
        all_runs,
        len(all_runs.rows) > 2 * LONG,
        page.commands,
        page.versions,
    )


def titled(experiment: Experiment, part: Table | Curves | Points) -> str:
    """Returns the title of a table or figure, after its place in the paper if there are many."""
    if experiment.name != EVERYTHING:
        return part.title
    of = [one for one in EXPERIMENTS.values() if one.name != EVERYTHING and part in _parts(one)]
    return ": ".join([*(_capital(one.where) for one in of[:1]), part.title])


def _parts(experiment: Experiment) -> tuple[Table | Curves | Points, ...]:
    return (*experiment.tables, *experiment.curves, *experiment.points)


def _tables(page: Page) -> Iterator[TableShown]:
    experiment = page.experiment
    for number, table in enumerate(experiment.tables, 1):
        is_folded = len(experiment.tables) > 2 and len(table.rows) > LONG
        grid = tables.grid(table, page)
        yield TableShown(f"table-{number}", titled(experiment, table), grid, is_folded)
    others = other_attacks.grid(page)
    if others:
        is_folded = len(others.rows) > LONG
        yield TableShown("other-attacks", other_attacks.TITLE, others, is_folded)


def _caution(settings: Sequence[Compared]) -> str:
    """Returns in one sentence in what the paper's experiment was another."""
    other = [one.what for one in settings if one.here != one.paper]
    if not other:
        return "The settings are the paper's own."
    return (
        f"This is not the paper's experiment but one like it, with other {listed(other)}: compare "
        "the shapes and the signs of differences, not the heights."
    )


def _settings(settings: Sequence[Compared]) -> Grid:
    columns = tuple(Column(title, is_number=False) for title in ("setting", "here", "paper"))
    return Grid(columns, tuple(Row(tuple(map(plain, one))) for one in settings))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
