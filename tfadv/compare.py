"""Compares recipes at one scale.

Each recipe is trained with each seed, every run as a ``tfadv.train`` of its own, and
becomes a row for each norm branch: means and standard deviations over the seeds. The
same command again resumes; more recipes or seeds add to the table.

Examples::

    python -m tfadv.compare --recipe=gin/mbn.gin --recipe=gin/gn.gin --seeds=0 \\
        --output_dir=runs/norms
    python -m tfadv.compare --recipe=gin/gn.gin --recipe=ideas/my_norm.gin --plugin_dir=ideas \\
        --seeds=0,1 --output_dir=runs/compare
    python -m tfadv.compare --recipe=gin/mbn.gin --gin_file=gin/scale/smoke.gin \\
        --gin_bindings='PGD.steps = 2' --seeds=3 --output_dir=runs/smoke
"""

import sys
from pathlib import Path

from absl import flags
from rich.console import Console

from tfadv import config
from tfadv.config import command_line, command_start

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_multi_string("recipe", [], "A recipe to compare; several may be given.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Values of Experiment.seed.")
flags.DEFINE_string("output_dir", None, "Where the runs and the table go.", required=True)


def check_flags() -> None:
    """Raises `UserError` for a mistake that a recipe's text tells."""
    for recipe in FLAGS.recipe:
        command_start.look_at([recipe, *FLAGS.gin_file])


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

from tfadv.files import check_place, write_json, write_text
from tfadv.interruption import Interrupted
from tfadv.planning.plan import build_plan
from tfadv.runs import comparison, processes
from tfadv.runs.one_writer import SUFFIX, writing


def main(argv):
    """Trains what is missing and prints the table."""
    console = command_line.terminal()
    with command_line.mistakes_in_one_line():
        recipes = comparison.chosen_recipes(FLAGS.recipe)
        seeds = comparison.chosen_seeds(FLAGS.seeds)
        for recipe in recipes.values():
            files = [recipe, *FLAGS.gin_file]
            config.read(files, FLAGS.gin_bindings, FLAGS.plugin, FLAGS.plugin_dir)
            build_plan()  # a mistake in one is reported before any is trained
        folder = Path(FLAGS.output_dir)
        check_place(folder / "comparison.json", "output_dir")
        with writing(folder, folder / f"compare{SUFFIX}", "output_dir"):
            finished = _train_all(recipes, seeds, folder, console)
            rows = comparison.summaries(finished)
            if rows:
                write_json(folder / "comparison.json", rows)
                write_text(folder / "comparison.md", comparison.markdown(rows))
                console.print(comparison.table(rows))
                console.print(f"{folder}: comparison.json, comparison.md and the runs")
        sys.exit(0 if all(len(runs) == len(seeds) for runs in finished.values()) else 1)


def _train_all(recipes, seeds, folder: Path, console: Console) -> dict[str, list[Path]]:
    """Trains what is missing; returns the folders of the finished runs, by recipe."""
    jobs = [(name, seed) for seed in seeds for name in recipes]
    finished = {name: [] for name in recipes}
    for number, (name, seed) in enumerate(jobs, 1):
        console.print(f"{number}/{len(jobs)} {name}, seed {seed}")
        run = folder / name / f"seed{seed}"
        ended = train(recipes[name], seed, run)
        if ended.stopped_by:
            raise Interrupted(ended.stopped_by, f"at {run}, which resumes")
        if ended.code == 0:
            finished[name].append(run)
        else:
            print(f"error: {run} ended with {ended.code}: {ended.last_line}", file=sys.stderr)
    return finished


def train(recipe: str, seed: int, run: Path) -> processes.Ended:
    """Trains a recipe with a seed in the folder `run`, in a process of its own."""
    flags_of_train = [f"--gin_file={file}" for file in (recipe, *FLAGS.gin_file)]
    bindings = (*FLAGS.gin_bindings, f"Experiment.seed = {seed}")
    flags_of_train += [f"--gin_bindings={binding}" for binding in bindings]
    flags_of_train += [f"--plugin={module}" for module in FLAGS.plugin]
    flags_of_train += [f"--plugin_dir={folder}" for folder in FLAGS.plugin_dir]
    log = run.with_name(f"{run.name}.log")
    return processes.run("train", [f"--model_dir={run}", *flags_of_train], log)


if __name__ == "__main__":
    command_line.run(main)
