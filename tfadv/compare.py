"""Compares recipes at one scale: ``python -m tfadv.compare --recipe=gin/mbn.gin --recipe=…``.

Each recipe is trained with each seed, every run as a ``tfadv.train`` of its own, and
becomes a row for each norm branch: means and standard deviations over the seeds. The
same command again goes on where it stopped; more recipes or seeds add to the table.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

from tfadv import command_line, config, experiment
from tfadv.errors import UserError, check
from tfadv.run_directory import write_text

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.DEFINE_multi_string("recipe", [], "A recipe to compare; several may be given.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Values of Experiment.seed.")
flags.DEFINE_string("output_dir", None, "Where the runs and the table go.", required=True)


def main(argv):
    """Trains what is missing and prints the table."""
    console = Console(highlight=False, soft_wrap=True)
    with command_line.mistakes_in_one_line():
        command_line.refuse_arguments(argv)
        recipes, seeds = chosen_recipes(FLAGS.recipe), chosen_seeds(FLAGS.seeds)
        for recipe in recipes.values():
            files = [recipe, *FLAGS.gin_file]
            config.read(files, FLAGS.gin_bindings, FLAGS.plugin, FLAGS.plugin_dir)
            experiment.plan()  # whatever is wrong with one is told before any is trained
    folder = Path(FLAGS.output_dir)
    jobs = [(name, seed) for seed in seeds for name in recipes]
    failed = []
    for number, (name, seed) in enumerate(jobs, 1):
        console.print(f"{number}/{len(jobs)} {name}, seed {seed}", markup=False)
        run = folder / name / f"seed{seed}"
        outcome = train(recipes[name], seed, run)
        if outcome.returncode:
            failed.append(name)
            last = (outcome.stderr.strip() or "no message").splitlines()[-1]
            print(f"error: {run} ended with {outcome.returncode}: {last}", file=sys.stderr)
    rows = [row for name in recipes for row in summaries(name, folder / name, seeds)]
    if rows:
        write_text(folder / "comparison.json", json.dumps(rows, indent=2) + "\n")
        write_text(folder / "comparison.md", markdown(rows))
        console.print(_table(rows))
        console.print(f"{folder}: comparison.json, comparison.md and the runs", markup=False)
    sys.exit(1 if failed else 0)


def chosen_recipes(files: Sequence[str]) -> dict[str, str]:
    """Returns the recipes by the names of their rows.

    Raises:
        UserError: there is none, or two have one name.
    """
    if not files:
        raise UserError("name recipes to compare, such as --recipe=gin/mbn.gin --recipe=gin/gn.gin")
    recipes: dict[str, str] = {}
    for file in files:
        name = Path(file).stem
        if name in recipes:
            raise UserError(f"--recipe: '{recipes[name]}' and '{file}' have one name, '{name}'")
        recipes[name] = file
    return recipes


def chosen_seeds(texts: Sequence[str]) -> list[int]:
    """Returns the seeds; raises `UserError` where one is no number or given twice."""
    numbers = bool(texts) and all(text.isdecimal() for text in texts)
    check(numbers and len(set(texts)) == len(texts), "--seeds", "be distinct numbers", texts)
    return [int(text) for text in texts]


def train(recipe: str, seed: int, run: Path) -> subprocess.CompletedProcess:
    """Trains a recipe with a seed in the folder `run`, in a process of its own."""
    flags_of_train = [f"--gin_file={file}" for file in (recipe, *FLAGS.gin_file)]
    bindings = (*FLAGS.gin_bindings, f"Experiment.seed = {seed}")
    flags_of_train += [f"--gin_bindings={binding}" for binding in bindings]
    flags_of_train += [f"--plugin={module}" for module in FLAGS.plugin]
    flags_of_train += [f"--plugin_dir={folder}" for folder in FLAGS.plugin_dir]
    command = [sys.executable, "-m", "tfadv.train", f"--model_dir={run}", *flags_of_train]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def summaries(name: str, folder: Path, seeds: Sequence[int]) -> list[dict]:
    """Returns a row for each norm branch of a recipe, over the finished runs in `folder`.

    Returns:
        Records of ``recipe``, ``branch``, ``seeds``, ``step_ms`` (the median time of
        a training step) and ``accuracies``: fractions by column, one for each seed.
    """
    runs = [folder / f"seed{seed}" for seed in seeds]
    finished = [run for run in runs if (run / "results.json").is_file()]
    results = [json.loads((run / "results.json").read_text(encoding="utf-8")) for run in finished]
    if not results:
        return []
    step_ms = statistics.median(step for run in finished for step in _step_milliseconds(run))
    rows = []
    for branch in results[0]["clean"]:
        accuracies: dict[str, list[float]] = {"clean": []}
        for result in results:
            accuracies["clean"].append(result["clean"][branch]["accuracy"])
            for attack in result["attacks"]:
                if attack["branch"] == branch:
                    column = f"{attack['attack']}-{attack.get('steps', '')}".rstrip("-")
                    accuracies.setdefault(column, []).append(attack["accuracy"])
        rows.append(
            {
                "recipe": name,
                "branch": branch,
                "seeds": len(results),
                "step_ms": step_ms,
                "accuracies": accuracies,
            }
        )
    return rows


def _step_milliseconds(run: Path) -> list[float]:
    """Returns the times of a run's steps, but for the first records, which include tracing."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    speeds = [json.loads(line)["images_per_second"] for line in lines]
    batch = config.values_of([str(run / "config.gin")])["Training.batch_size"]
    return [1000 * batch / speed for speed in speeds[1:] or speeds]


def cells(row: dict) -> list[str]:
    """Returns a row as text: percent, with the standard deviation where there are seeds."""

    def percent(values):
        spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{100 * statistics.mean(values):.1f}{spread}"

    name = row["recipe"] if row["branch"] == "main" else f"{row['recipe']} ({row['branch']})"
    return [name, *map(percent, row["accuracies"].values()), f"{row['step_ms']:.0f}"]


def header(rows: Sequence[dict]) -> list[str]:
    """Returns the columns' names."""
    return ["recipe (branch)", *(f"{name} %" for name in rows[0]["accuracies"]), "ms a step"]


def markdown(rows: Sequence[dict]) -> str:
    """Returns the table in Markdown."""
    lines = [header(rows), ["---"] * len(header(rows)), *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _table(rows: Sequence[dict]) -> Table:
    table = Table(*header(rows), title=f"accuracy, mean ± deviation of {rows[0]['seeds']} seeds")
    for row in rows:
        table.add_row(*cells(row))
    return table


if __name__ == "__main__":
    app.run(main)
