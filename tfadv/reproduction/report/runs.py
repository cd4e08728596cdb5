"""The finished runs behind a report, each with its own report."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tfadv.norms.mode import MAIN
from tfadv.paper import row_of
from tfadv.reproduction.experiment import Files
from tfadv.reproduction.page import Page
from tfadv.reproduction.report.absence import NOT_RUN, of_model
from tfadv.reproduction.report.grid import Column, Grid, Part, Row, plain
from tfadv.reproduction.report.numbers import NONE, percent
from tfadv.reproduction.report.same_runs import run_of
from tfadv.reproduction.results import SeedResult

CLEAN = "clean"


def grid(page: Page, folder: Path) -> Grid:
    """Returns a row for each finished run, below one for its model.

    Args:
        page: what is known.
        folder: of the report, from which links lead.
    """
    columns = (
        Column("model and seed", is_number=False),
        Column("clean images"),
        Column("longest attack"),
        Column("its report", is_number=False),
    )
    rows: list[Row] = []
    shown: dict[tuple, Files] = {}
    for files in page.experiment.models:
        label = model_name(files)
        first = shown.setdefault(run_of(files, page.sizes), files)
        if first != files:
            rows.append(_heading(label, f"the same run here as ‘{model_name(first)}’"))
            continue
        rows.append(_heading(label, _made_by(files, page), *_missing(files, page)))
        rows += [_row(result, folder) for result in page.results.by_model.get(files, ())]
    return Grid(columns, tuple(rows))


def model_name(files: Files) -> str:
    """Returns the paper's words for a model, with its number where they don't tell it apart."""
    row = row_of(files)
    if row is None:
        return " + ".join(files)
    return f"{row.name} ({row.where})" if row.where.startswith("table 3, row") else row.name


def link(target: Path, folder: Path) -> str:
    """Returns a path as a page in `folder` links to it; '' where there is no such file."""
    if not target.is_file():
        return ""
    return quote(Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix())


def _heading(label: str, *lines: str) -> Row:
    return Row(((Part(label, "value"), *(Part(line, "small") for line in lines)),), spans=True)


def _made_by(files: Files, page: Page) -> str:
    sizes = page.sizes.get(files, "")
    return " + ".join(files) + (f"; here {sizes}" if sizes else "")


def _missing(files: Files, page: Page) -> list[str]:
    missing = of_model(page.results, files)
    return missing or ([] if page.results.by_model.get(files) else [NOT_RUN])


def _row(result: SeedResult, folder: Path) -> Row:
    path = link(result.report, folder)
    report = (Part("report", link=path),) if path else plain(NONE)
    return Row(
        (
            plain(f"seed {result.seed}"),
            tuple(_accuracies(result, {CLEAN})) or plain(NONE),
            tuple(_accuracies(result, _longest(result))) or plain(NONE),
            report,
        )
    )


def _accuracies(result: SeedResult, attacks: set[str]) -> Iterator[Part]:
    """Yields the accuracies of every norm branch under one of some attacks."""
    for (branch, attack), right in result.right.items():
        if attack in attacks:
            words = [*([branch] * (branch != MAIN)), *([attack] * (attack != CLEAN))]
            where = f" ({', '.join(words)})" if words else ""
            yield Part(f"{percent(float(right.mean()))}{where}")


def _longest(result: SeedResult) -> set[str]:
    """Returns the name of the paper's attack with the most steps, if any was run."""
    steps = {
        int(attack.removeprefix("PGD-"))
        for _, attack in result.right
        if attack.removeprefix("PGD-").isdecimal()
    }
    return {f"PGD-{max(steps)}"} if steps else set()
