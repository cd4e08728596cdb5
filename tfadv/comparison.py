"""What recipes reached, side by side: means and standard deviations over seeds."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from tfadv import config
from tfadv.errors import UserError, check


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
    distinct = numbers and len(set(map(int, texts))) == len(texts)
    check(distinct, "--seeds", "be distinct numbers", texts)
    return [int(text) for text in texts]


def summaries(name: str, runs: Sequence[Path]) -> list[dict]:
    """Returns a row for each norm branch of a recipe, over its finished runs.

    Returns:
        Records of ``recipe``, ``branch``, ``seeds`` (how many), ``step_ms`` (the
        median time of a training step, None if all were short) and
        ``accuracies``: fractions by column, one for each seed.
    """
    results = [json.loads((run / "results.json").read_text(encoding="utf-8")) for run in runs]
    times = [time for run in runs for time in _step_milliseconds(run)]
    step_ms = statistics.median(times) if times else None
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
    """Returns the times of a run's steps, but for its first record's, which include tracing."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    speeds = [json.loads(line)["images_per_second"] for line in lines]
    batch = config.values_of([str(run / "config.gin")])["Training.batch_size"]
    return [1000 * batch / speed for speed in speeds[1:]]


def cells(row: dict) -> list[str]:
    """Returns a row as text: percent, with the standard deviation where there are seeds."""

    def percent(values):
        spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{100 * statistics.mean(values):.1f}{spread}"

    name = row["recipe"] if row["branch"] == "main" else f"{row['recipe']} ({row['branch']})"
    return [
        name,
        *map(percent, row["accuracies"].values()),
        "—" if row["step_ms"] is None else f"{row['step_ms']:.0f}",
    ]


def header(rows: Sequence[dict]) -> list[str]:
    """Returns the columns' names."""
    return ["recipe (branch)", *(f"{name} %" for name in rows[0]["accuracies"]), "ms a step"]


def markdown(rows: Sequence[dict]) -> str:
    """Returns the table in Markdown."""
    lines = [header(rows), ["---"] * len(header(rows)), *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def table(rows: Sequence[dict]) -> Table:
    table = Table(*header(rows), title="accuracy: mean ± standard deviation over the seeds")
    for row in rows:
        table.add_row(*cells(row))
    return table
