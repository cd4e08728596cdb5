"""The report of an experiment from what its folder holds."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tfadv.planning.plan import Plan, build_plan
from tfadv.reproduction import about, cells
from tfadv.reproduction.claims import verdict
from tfadv.reproduction.experiment import Experiment, Files
from tfadv.reproduction.norm_statistics import measured_once
from tfadv.reproduction.page import Page
from tfadv.reproduction.report import norms
from tfadv.reproduction.report import page as report
from tfadv.reproduction.results import Results
from tfadv.reproduction.runner import Runner, collect
from tfadv.runs.run_directory import RunDirectory


def write(
    experiment: Experiment, runner: Runner, seeds: Sequence[int], block: str | None = None
) -> Path:
    """Writes what has been reached so far, in place of an earlier report.

    Args:
        experiment: what was to be reproduced.
        runner: of the folder.
        seeds: of the runs.
        block: whose norm to show, where norms are shown.

    Returns:
        The page, OUTPUT/EXPERIMENT/report.html.

    Raises:
        UserError: there is no such block, or the scale's images are not here.
    """
    by_model = {
        files: [cells.cell_of(files, seed, runner.setting) for seed in seeds]
        for files in experiment.models
    }
    grid = list(dict.fromkeys(cell for some in by_model.values() for cell in some))

    def plan_of(files: Files) -> Plan:
        return build_plan(runner.read(cells.cell_of(files, seeds[0], runner.setting)))

    _look_at_norms(experiment, runner, by_model)
    results = collect(runner, by_model)
    shown = [*experiment.models, *(one.files for one in experiment.statistics)]
    page = Page(
        experiment,
        runner.setting.scale,
        results,
        tuple(verdict(name, results) for name in experiment.claims),
        tuple(about.settings(plan_of(shown[0]), runner.setting.values, seeds)),
        tuple(about.budget(runner, grid)),
        {files: "; ".join(some[0].sizes) for files, some in by_model.items()},
        (_own_command(), *_commands(runner, grid)),
        tuple(about.versions(runner, grid)),
    )
    drawn = list(norms.drawings(experiment, results, plan_of, block))
    return report.write(runner.folder / experiment.name, page, drawn)


def write_of_run(experiment: Experiment, run: Path, block: str | None = None) -> Path:
    """Writes the figures of norms that an experiment has, drawn from any run.

    Args:
        experiment: figure 4, 5 or 6.
        run: folder of a run.
        block: whose norm to show.

    Returns:
        The page, RUN/EXPERIMENT/report.html.

    Raises:
        UserError: see `norms.drawings_of_run`.
    """
    drawn = norms.drawings_of_run(experiment, run, block)
    start = RunDirectory(run).starts()[-1]
    page = Page(
        experiment,
        str(run),
        Results({}, {}),
        (),
        (),
        (("processor", start.get("processor", "not recorded")),),
        {},
        (_own_command(),),
        tuple(start["versions"].items()),
    )
    return report.write(run / experiment.name, page, drawn)


def _look_at_norms(
    experiment: Experiment, runner: Runner, by_model: dict[Files, list[cells.Cell]]
) -> None:
    """Measures the norms of the finished runs that the experiment looks at."""
    for one in experiment.statistics:
        for cell in by_model.get(one.files, ()):
            if runner.is_finished(cell):
                measured_once(cell.run(runner.folder))


def _own_command() -> str:
    return shlex.join(["python", "-m", "tfadv.reproduce", *sys.argv[1:]])


def _commands(runner: Runner, grid: Sequence[cells.Cell]) -> list[str]:
    """Returns those that the command gave for the first cell; each run's log has its own."""
    return [
        shlex.join(["python", "-m", f"tfadv.{command}", *arguments])
        for cell in grid[:1]
        for command, arguments in (
            ("train", runner.train_arguments(cell)),
            ("evaluate", runner.evaluate_arguments(cell)),
        )
    ]
