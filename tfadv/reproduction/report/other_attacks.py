"""How far the paper's measure, long targeted PGD, is from other attacks on the same images."""

from collections.abc import Iterator

from tfadv.norms.mode import CLEAN, MAIN
from tfadv.paper import Number
from tfadv.reproduction.experiment import Files
from tfadv.reproduction.page import Page
from tfadv.reproduction.report.grid import Cell, Column, Grid, Part, Row, plain
from tfadv.reproduction.report.numbers import NONE, percent, percents, signed, signed_ends
from tfadv.reproduction.report.runs import model_name
from tfadv.reproduction.results import Measured, Results

TITLE = "The paper's attack beside others"


def grid(page: Page) -> Grid | None:
    """Returns a row for each model and branch that other attacks judged; None without any.

    Args:
        page: what is known.
    """
    results = page.results
    found = [
        (files, branch)
        for files in page.experiment.models
        for branch in _branches(results, files)
        if _others(results, files, branch)
    ]
    if not found:
        return None
    attacks = list(dict.fromkeys(a for one in found for a in _others(results, *one)))
    columns = (
        Column("model", is_number=False),
        Column("the paper's attack"),
        *(Column(attack) for attack in attacks),
        Column("the paper's, minus the lowest", "points"),
    )
    rows = tuple(Row(tuple(_cells(results, *one, attacks))) for one in found)
    note = "Each attack alone, on the same images; the lowest is the attack that leaves the least."
    return Grid(columns, rows, (note,))


def _cells(results: Results, files: Files, branch: str, attacks: list[str]) -> Iterator[Cell]:
    own = Number(files, branch, f"PGD-{max(results.curve(files, branch))}")
    others = {attack: results.measured(Number(files, branch, attack)) for attack in attacks}
    yield plain(model_name(files), "" if branch == MAIN else f"{branch} branch")
    yield _accuracy(results.measured(own), own.attack)
    for measured in others.values():
        yield _accuracy(measured)
    lowest = min(
        (attack for attack, measured in others.items() if measured),
        key=lambda attack: others[attack].accuracy.effect,
    )
    gap = results.contrast({own: 1.0, Number(files, branch, lowest): -1.0})
    effect, low, high = (100 * value for value in gap.accuracy)
    yield Part(signed(effect), "value"), Part(signed_ends(low, high), "small")


def _accuracy(measured: Measured | None, note: str = "") -> Cell:
    if measured is None:
        return plain(NONE)
    effect, low, high = measured.accuracy
    lines = [Part(percent(effect), "value"), Part(percents(low, high), "small")]
    return (*lines, *([Part(note, "small")] if note else []))


def _branches(results: Results, files: Files) -> list[str]:
    runs = results.by_model.get(files, ())
    return list(dict.fromkeys(branch for run in runs for branch, _ in run.right))


def _others(results: Results, files: Files, branch: str) -> list[str]:
    """Returns the attacks that are not the paper's, where the paper's is there too."""
    papers = {f"PGD-{steps}" for steps in results.curve(files, branch)}
    runs = results.by_model.get(files, ())
    named = dict.fromkeys(attack for run in runs for where, attack in run.right if where == branch)
    return [attack for attack in named if attack not in {CLEAN, *papers}] if papers else []
