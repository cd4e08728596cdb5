"""The report of an experiment from what its folder holds."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tfadv.planning.plan import build_plan
from tfadv.reproduction import about, cells
from tfadv.reproduction.experiment import Experiment, Files
from tfadv.reproduction.page import Page
from tfadv.reproduction.report import page as report
from tfadv.reproduction.runner import Runner, collect
from tfadv.reproduction.verdicts import verdict


def write(experiment: Experiment, runner: Runner, seeds: Sequence[int], drawn: Sequence) -> Path:
    """Writes what has been reached so far, in place of an earlier report.

    Args:
        experiment: what was to be reproduced.
        runner: of the folder.
        seeds: of the runs.
        drawn: figures of norm statistics.

    Returns:
        The page, OUTPUT/EXPERIMENT/report.html.
    """
    grid = cells_of(experiment, runner, seeds)
    results = collect(runner, grid)
    cells_in_all = list(dict.fromkeys(cell for some in grid.values() for cell in some))
    verdicts = tuple(verdict(name, results) for name in experiment.claims)
    plan = build_plan(runner.read(cells_in_all[0]))
    page = Page(
        experiment,
        runner.setting.scale,
        results,
        verdicts,
        tuple(about.settings(plan, runner.setting.values, seeds)),
        tuple(about.budget(runner, cells_in_all)),
        {files: "; ".join(some[0].sizes) for files, some in grid.items()},
        tuple(_commands(runner, cells_in_all)),
        tuple(about.versions(runner, cells_in_all)),
    )
    return report.write(runner.folder / experiment.name, page, drawn)


def cells_of(
    experiment: Experiment, runner: Runner, seeds: Sequence[int]
) -> dict[Files, list[cells.Cell]]:
    """Returns the runs of each model of an experiment, one a seed."""
    return {
        files: [cells.cell_of(files, seed, runner.setting) for seed in seeds]
        for files in experiment.models
    }


def _commands(runner: Runner, cells_in_all: Sequence[cells.Cell]) -> list[str]:
    """Returns the command that made the page, and those that it gave for one cell."""
    own = ["python", "-m", "tfadv.reproduce", *sys.argv[1:]]
    found = [shlex.join(own)]
    for cell in cells_in_all[:1]:
        for command, arguments in (
            ("train", runner.train_arguments(cell)),
            ("evaluate", runner.evaluate_arguments(cell)),
        ):
            found.append(shlex.join(["python", "-m", f"tfadv.{command}", *arguments]))
    return found
