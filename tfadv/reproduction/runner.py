"""Trains and evaluates the cells of a reproduction that are not there yet."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tfadv import config
from tfadv.files import read_record, write_json
from tfadv.interruption import Interrupted
from tfadv.planning.plan import build_plan
from tfadv.planning.precision import Precision
from tfadv.reproduction import norm_statistics, results
from tfadv.reproduction.cells import Cell, Setting
from tfadv.reproduction.experiment import Files
from tfadv.runs import noted_precision, processes
from tfadv.runs.run_directory import RunDirectory

_REMEDY = "remove it, and the same command goes on"


class Runner:
    """The runs of a reproduction in one folder.

    Each cell is trained and evaluated by the commands that a user would give, so that
    one that fails leaves the others alone, and one that was stopped resumes.

    Args:
        folder: of the reproduction.
        setting: what all cells share.
        say: takes a line about each cell.
    """

    def __init__(self, folder: Path, setting: Setting, say: Callable[[str], None]):
        self.folder = folder
        self.setting = setting
        self._say = say

    def is_finished(self, cell: Cell) -> bool:
        """Whether a cell is trained, and evaluated as the setting says."""
        return self.record_path(cell).is_file()

    def is_trained(self, cell: Cell) -> bool:
        """Whether a cell is trained."""
        return RunDirectory(cell.run(self.folder)).results_path.is_file()

    def precision(self, cell: Cell) -> Precision:
        """Returns the dtypes that a cell has, as far as they are known."""
        noted = noted_precision.of_run(RunDirectory(cell.run(self.folder)))
        return Precision(noted, measures=False)

    def record_path(self, cell: Cell) -> Path:
        """The record of a cell's evaluation."""
        return cell.run(self.folder) / f"{self.setting.evaluation_name}.json"

    def result(self, cell: Cell) -> results.SeedResult:
        """Returns what a finished cell reached."""
        run = cell.run(self.folder)
        return results.read(run, self.record_path(cell), cell.seed, run / norm_statistics.FILE)

    def why_missing(self, cell: Cell) -> str:
        """Returns why a cell is not finished."""
        failure = self._failure_path(cell)
        if failure.is_file():
            return f"failed: {read_record(failure, _REMEDY, {'line': str})['line']}"
        return "begun" if RunDirectory(cell.run(self.folder)).has_begun else "not run"

    def run_all(self, cells: Sequence[Cell]) -> list[Cell]:
        """Runs the cells that are not finished, and returns those that failed.

        A cell that another process is at is left to it, and waited for at the end.

        Args:
            cells: each after the one that it starts from.

        Raises:
            Interrupted: a signal came; what ran is saved.
        """
        waiting = [cell for cell in cells if not self.is_finished(cell)]
        failed: list[Cell] = []
        busy = [cell for cell in waiting if not self._try(cell, cells, failed, wait=False)]
        for cell in busy:
            self._say(f"{cell.name}, seed {cell.seed}: waiting for another process that is at it")
            self._try(cell, cells, failed, wait=True)
        return failed

    def _try(self, cell: Cell, cells: Sequence[Cell], failed: list[Cell], wait: bool) -> bool:
        """Runs a cell, and returns whether no other process is at it or at its start."""
        with processes.locked(self._beside(cell, "lock"), wait) as lock:
            if lock is None or (not wait and cell.start and not self._is_settled(cell.start)):
                return False
            if not self.is_finished(cell):
                place = f"{cells.index(cell) + 1}/{len(cells)} {cell.name}, seed {cell.seed}"
                self._say(place)
                began = time.monotonic()
                line = self._run(cell, lock)
                if line:
                    failed.append(cell)
                    self._fail(cell, line)
                self._say(f"{place}: {line or f'{time.monotonic() - began:.0f} s'}")
        return True

    def _is_settled(self, cell: Cell) -> bool:
        return self.is_trained(cell) or self._failure_path(cell).is_file()

    def _run(self, cell: Cell, lock) -> str | None:
        """Trains and evaluates a cell; returns the line that says why it can't be done."""
        if cell.start and not self.is_trained(cell.start):
            return f"the run that it starts from, {cell.start.name}, is not there"
        self._failure_path(cell).unlink(missing_ok=True)
        return self._step("train", self.train_arguments(cell), cell, lock) or self._step(
            "evaluate", self.evaluate_arguments(cell), cell, lock
        )

    def _step(self, command: str, arguments: Sequence[str], cell: Cell, lock) -> str | None:
        if command == "train" and self.is_trained(cell):
            return None
        log = self._beside(cell, "log")
        ended = processes.run(command, arguments, log, [lock])
        self._count(cell, command, ended.seconds)
        if ended.stopped_by:
            raise Interrupted(ended.stopped_by, f"at {cell.name}, seed {cell.seed}, which resumes")
        return None if ended.code == 0 else f"{ended.last_line.removeprefix('error: ')} ({log})"

    def read(self, cell: Cell) -> config.Config:
        """Reads all that configures a cell into gin: its training and its evaluation.

        Raises:
            UserError: a file, name or value is wrong.
        """
        setting = self.setting
        return config.read(
            (cell.recipe, *setting.files, *setting.evaluation_files),
            (*setting.bindings, *cell.bindings(self.folder), *setting.evaluation_bindings),
            setting.plugins,
            setting.plugin_dirs,
        )

    def check(self, cells: Sequence[Cell]) -> None:
        """Looks for mistakes before anything is trained.

        Raises:
            UserError: a binding is wrong, the scale can't be built, or the folder holds a run
                with another configuration.
        """
        setting = self.setting
        for cell in cells:
            bindings = self._training_bindings(cell)
            files = (cell.recipe, *setting.files)
            read = config.read(files, bindings, setting.plugins, setting.plugin_dirs)
            RunDirectory(cell.run(self.folder)).check(read)
        if cells:
            build_plan(self.read(cells[0]))

    def train_arguments(self, cell: Cell) -> list[str]:
        """Returns the arguments of the ``tfadv.train`` that makes a cell.

        What evaluates is left to ``tfadv.evaluate``, which keeps the outcome of every image.
        """
        setting = self.setting
        return [
            f"--model_dir={cell.run(self.folder)}",
            *(f"--gin_file={file}" for file in (cell.recipe, *setting.files)),
            *(f"--gin_bindings={binding}" for binding in self._training_bindings(cell)),
            *self._plugin_arguments(),
        ]

    def evaluate_arguments(self, cell: Cell) -> list[str]:
        """Returns the arguments of the ``tfadv.evaluate`` that measures a cell."""
        setting = self.setting
        return [
            f"--model_dir={cell.run(self.folder)}",
            f"--output={self.record_path(cell)}",
            *(f"--gin_file={file}" for file in setting.evaluation_files),
            *(f"--gin_bindings={binding}" for binding in setting.evaluation_bindings),
            *self._plugin_arguments(),
        ]

    def _training_bindings(self, cell: Cell) -> tuple[str, ...]:
        return (*self.setting.bindings, *cell.bindings(self.folder), "Evaluation.attacks = ()")

    def _plugin_arguments(self) -> list[str]:
        setting = self.setting
        modules = [f"--plugin={module}" for module in setting.plugins]
        return modules + [f"--plugin_dir={folder}" for folder in setting.plugin_dirs]

    def seconds(self, cell: Cell) -> dict[str, float]:
        """Returns how long a cell's commands ran so far, by command."""
        path = self._beside(cell, "seconds.json")
        return read_record(path, _REMEDY) if path.is_file() else {}

    def _count(self, cell: Cell, command: str, seconds: float) -> None:
        counted = self.seconds(cell)
        counted[command] = round(counted.get(command, 0.0) + seconds, 1)
        write_json(self._beside(cell, "seconds.json"), counted)

    def _fail(self, cell: Cell, line: str) -> None:
        path = self._failure_path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"line": line})

    def _failure_path(self, cell: Cell) -> Path:
        return self._beside(cell, "failed.json")

    def _beside(self, cell: Cell, suffix: str) -> Path:
        run = cell.run(self.folder)
        return run.with_name(f"{run.name}.{suffix}")


def collect(runner: Runner, cells: dict[Files, list[Cell]]) -> results.Results:
    """Returns what is there of some models.

    Args:
        runner: of the folder.
        cells: of each model, one a seed.
    """
    finished = {
        files: [runner.result(cell) for cell in some if runner.is_finished(cell)]
        for files, some in cells.items()
    }
    missing = {
        files: [
            f"seed {cell.seed} {runner.why_missing(cell)}"
            for cell in some
            if not runner.is_finished(cell)
        ]
        for files, some in cells.items()
    }
    return results.Results(finished, missing)
