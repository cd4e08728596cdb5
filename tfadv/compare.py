"""Compares recipes at one scale.

Each recipe is trained with each seed, every run as a ``tfadv.train`` of its own, and
becomes a row for each norm branch: means and standard deviations over the seeds. The
same command again resumes; more recipes or seeds add to the table. ``--grid=PGD.epsilon=4,8``
trains each recipe under each value; several grids are combined. Or puts evaluations and finished
runs side by side, on one page.

Examples::

    python -m tfadv.compare --recipe=gin/gn.gin --recipe=ideas/my_norm.gin --plugin_dir=ideas \\
        --seeds=0,1 --output_dir=runs/compare
    python -m tfadv.compare --recipe=gin/mbn.gin --gin_file=gin/scale/smoke.gin \\
        --grid='PGD.steps=1,2' --seeds=3 --output_dir=runs/smoke
    python -m tfadv.compare --record=curve.json --record=apgd.json --output_dir=both
"""

import sys
from pathlib import Path

from absl import flags
from rich.console import Console

from tfadv import config
from tfadv.config import command_line, command_start
from tfadv.errors import UserError

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_multi_string("recipe", [], "A recipe to compare; several may be given.")
flags.DEFINE_multi_string("grid", [], "A parameter and its values, such as 'PGD.epsilon=4,8'.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Values of Experiment.seed.")
flags.DEFINE_multi_string("record", [], "A record to put beside others; give two or more.")
flags.DEFINE_multi_string("model_dir", [], "A finished run to put beside others.")
flags.DEFINE_string("output_dir", None, "Where the runs and the table go, or the page (here).")


def check_flags() -> None:
    """Raises `UserError` for flags that don't go together, and what a recipe's text tells."""
    if FLAGS.record or FLAGS.model_dir:
        why = "trains and compares: it doesn't go with --record or --model_dir"
        command_line.refuse_flags(("recipe", "grid"), why)
    elif not FLAGS.output_dir:
        raise UserError("--output_dir: name the folder of the runs and the table")
    for recipe in FLAGS.recipe:
        command_start.look_at([recipe, *FLAGS.gin_file])


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

from tfadv.comparison import side_by_side
from tfadv.comparison.reading import sides_of
from tfadv.comparison.sides import warnings
from tfadv.files import check_place, write_json, write_text
from tfadv.interruption import Interrupted
from tfadv.planning.plan import build_plan
from tfadv.runs import comparison, grid, processes
from tfadv.runs.one_writer import SUFFIX, writing


def main(argv):
    """Trains what is missing and prints the table."""
    console = command_line.terminal()
    with command_line.mistakes_in_one_line() as found:
        if FLAGS.record or FLAGS.model_dir:
            put_side_by_side(console)
            return
        recipes = comparison.chosen_recipes(FLAGS.recipe, FLAGS.gin_file)
        seeds = comparison.chosen_seeds(FLAGS.seeds)
        shared = [file for file in FLAGS.gin_file if file not in recipes.values()]
        cells = grid.cells(recipes, shared, FLAGS.grid, FLAGS.gin_bindings)
        for cell in cells.values():
            bindings = [*FLAGS.gin_bindings, *cell.words]
            found.read = config.read(cell.files, bindings, FLAGS.plugin, FLAGS.plugin_dir)
            build_plan()  # a mistake in one is reported before any is trained
        folder = Path(FLAGS.output_dir)
        check_place(folder / "comparison.json", "output_dir")
        with writing(folder, folder / f"compare{SUFFIX}", "output_dir"):
            finished = _train_all(cells, seeds, folder, console)
            rows = grid.with_bindings(comparison.summaries(finished), cells)
            if rows:
                write_json(folder / "comparison.json", rows)
                write_text(folder / "comparison.md", comparison.markdown(rows))
                console.print(comparison.table(rows))
                console.print(f"{folder}: comparison.json, comparison.md and the runs")
        sys.exit(0 if all(len(runs) == len(seeds) for runs in finished.values()) else 1)


def put_side_by_side(console: Console) -> None:
    """Writes the page of records and runs, and prints its tables."""
    folder = Path(FLAGS.output_dir or ".")
    page = folder / "side_by_side.html"
    check_place(page, "output_dir")
    if page.exists():
        raise UserError(f"--output_dir: there is a '{page}' already: choose another folder")
    compared = sides_of(FLAGS.record, FLAGS.model_dir)
    command_line.warn(f"these can't be compared: {why}" for why in warnings(compared))
    whole = side_by_side.page(compared)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(page, whole)
    write_json(page.with_suffix(".json"), side_by_side.record(compared))
    console.print(side_by_side.accuracies(compared))
    console.print(side_by_side.differences(compared))
    console.print(f"page: {page}")


def _train_all(cells, seeds, folder: Path, console: Console) -> dict[str, list[Path]]:
    """Trains what is missing; returns the folders of the finished runs, by the cells' rows."""
    jobs = [(name, seed) for seed in seeds for name in cells]
    finished = {name: [] for name in cells}
    for number, (name, seed) in enumerate(jobs, 1):
        console.print(f"{number}/{len(jobs)} {name}, seed {seed}")
        run = folder / grid.folder_name(name) / f"seed{seed}"
        ended = train(cells[name], seed, run)
        if ended.stopped_by:
            raise Interrupted(ended.stopped_by, f"at {run}, which resumes")
        if ended.code == 0:
            finished[name].append(run)
        else:
            print(f"error: {run} ended with {ended.code}: {ended.last_line}", file=sys.stderr)
    return finished


def train(cell: grid.Cell, seed: int, run: Path) -> processes.Ended:
    """Trains a cell with a seed in the folder `run`, in a process of its own."""
    flags_of_train = [f"--gin_file={file}" for file in cell.files]
    bindings = (*FLAGS.gin_bindings, *cell.words, f"Experiment.seed = {seed}")
    flags_of_train += [f"--gin_bindings={binding}" for binding in bindings]
    flags_of_train += [f"--plugin={module}" for module in FLAGS.plugin]
    flags_of_train += [f"--plugin_dir={folder}" for folder in FLAGS.plugin_dir]
    log = run.with_name(f"{run.name}.log")
    return processes.run("train", [f"--model_dir={run}", *flags_of_train], log)


if __name__ == "__main__":
    command_line.run(main)
