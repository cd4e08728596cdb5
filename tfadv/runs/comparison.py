"""What recipes reached, side by side: means and standard deviations over seeds."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from tfadv import config
from tfadv.config.settings import BEST, LAST
from tfadv.errors import UserError, check
from tfadv.files import read_json_lines
from tfadv.norms import MAIN
from tfadv.optimization.weight_average import WEIGHTS
from tfadv.plots.curves import setting_text, settings
from tfadv.randomness import check_seed
from tfadv.reports.templates import in_markdown
from tfadv.runs.run_directory import RunDirectory


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
    numbers = bool(texts) and all(text.isdecimal() and len(text) < 20 for text in texts)
    distinct = numbers and len(set(map(int, texts))) == len(texts)
    check(distinct, "--seeds", "be distinct numbers", texts)
    for text in texts:
        check_seed("--seeds", int(text))
    return [int(text) for text in texts]


def summaries(runs: Mapping[str, Sequence[Path]]) -> list[dict]:
    """Returns a row for each recipe, checkpoint, weights and norm branch.

    Attacks of one name that differ otherwise, in one recipe or between two, are
    columns of their own, which say in what.

    Args:
        runs: the folders of finished runs, by the recipe's name.

    Returns:
        Records of ``recipe``, ``branch``, ``checkpoint`` (``last``, and ``best`` of runs that
        validate), ``weights`` (``trained``, and ``average`` where one is kept), ``seeds`` (how
        many), ``step_ms`` (the median time of a training step, None if all were short) and
        ``accuracies``: fractions by column, one for each seed.
    """
    results = {
        name: [RunDirectory(folder).results() for folder in folders]
        for name, folders in runs.items()
        if folders
    }
    measured = {name: _by_what_was_measured(found) for name, found in results.items()}
    records = [record for found in measured.values() for of in found.values() for record in of]
    titles = _titles([row for record in records for row in record["attacks"]])
    times = {name: [ms for run in runs[name] for ms in _step_milliseconds(run)] for name in results}
    return [
        {
            "recipe": name,
            "branch": branch,
            "checkpoint": checkpoint,
            "weights": weights,
            "seeds": len(found),
            "step_ms": statistics.median(times[name]) if times[name] else None,
            "accuracies": _accuracies(found, branch, titles),
        }
        for name, by_what in measured.items()
        for (checkpoint, weights), found in by_what.items()
        for branch in found[0]["clean"]
    ]


def _by_what_was_measured(results: Sequence[Mapping]) -> dict[tuple[str, str], list[Mapping]]:
    """Returns what was found, by the checkpoint and the weights of it that were measured."""
    found: dict[tuple[str, str], list[Mapping]] = {}
    trained, average = WEIGHTS
    for checkpoint in (LAST, BEST):
        of = [result if checkpoint == LAST else result.get(BEST) for result in results]
        whole = [record for record in of if record]
        averages = [record["weight_average"] for record in whole if "weight_average" in record]
        found[checkpoint, trained], found[checkpoint, average] = whole, averages
    return {what: records for what, records in found.items() if records}


def _accuracies(
    results: Sequence[Mapping], branch: str, titles: Mapping[str, str]
) -> dict[str, list[float]]:
    """Returns a branch's accuracies by column, one for each result."""
    found: dict[str, list[float]] = {"clean": []}
    for result in results:
        found["clean"].append(result["clean"][branch]["accuracy"])
        for row in result["attacks"]:
            if row["branch"] == branch:
                found.setdefault(titles[_key(row)], []).append(row["accuracy"])
    return found


def _key(row: Mapping) -> str:
    """Returns which attack a row of a record is of, whatever it found."""
    return json.dumps([settings(row), row.get("after")], sort_keys=True)


def _titles(rows: Sequence[Mapping]) -> dict[str, str]:
    """Returns the attacks' columns: their names, and in what those of one name differ."""
    alike: dict[str, dict[str, dict]] = {}
    for row in rows:
        name = f"{row['attack']}-{row.get('steps', '')}".rstrip("-")
        said = settings(row) | ({"after": ", ".join(row["after"])} if row.get("after") else {})
        alike.setdefault(name, {})[_key(row)] = said
    titles = {}
    for name, attacks in alike.items():
        said = dict.fromkeys(key for own in attacks.values() for key in own)
        differing = [key for key in said if len({str(a.get(key)) for a in attacks.values()}) > 1]
        for key, own in attacks.items():
            titles[key] = ", ".join(
                [name, *(setting_text(one, own[one]) for one in differing if one in own)]
            )
    return titles


def _step_milliseconds(run: Path) -> list[float]:
    """Returns the times of a run's steps, but for its first record's, which include tracing."""
    lines = read_json_lines(run / "metrics.jsonl", "images_per_second")
    speeds = [line["images_per_second"] for line in lines]
    batch = config.values_of([str(run / "config.gin")])["Training.batch_size"]
    return [1000 * batch / speed for speed in speeds[1:]]


def columns(rows: Sequence[dict]) -> list[str]:
    """Returns the columns that any of the rows has, in their order."""
    return list(dict.fromkeys(column for row in rows for column in row["accuracies"]))


def cells(row: dict, columns: Sequence[str]) -> list[str]:
    """Returns a row as text: percent, with the standard deviation where there are seeds."""

    def percent(values):
        if not values:
            return "—"
        spread = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{100 * statistics.mean(values):.1f}{spread}"

    usual = (MAIN, LAST, WEIGHTS[0])
    parts = (row["branch"], row["checkpoint"], row["weights"])
    unusual = ", ".join(part for part, one in zip(parts, usual, strict=True) if part != one)
    return [
        f"{row['recipe']} ({unusual})" if unusual else row["recipe"],
        *(percent(row["accuracies"].get(column)) for column in columns),
        "—" if row["step_ms"] is None else f"{row['step_ms']:.0f}",
    ]


def header(rows: Sequence[dict]) -> list[str]:
    """Returns the columns' titles."""
    return ["recipe (branch)", *(f"{name} %" for name in columns(rows)), "ms a step"]


def markdown(rows: Sequence[dict]) -> str:
    """Returns the table in Markdown."""
    head, *others = (
        f"| {' | '.join(map(in_markdown, line))} |\n"
        for line in (header(rows), *(cells(row, columns(rows)) for row in rows))
    )
    return "".join([head, f"|{'---|' * len(header(rows))}\n", *others])


def table(rows: Sequence[dict]) -> Table:
    table = Table(*header(rows), title="accuracy: mean ± standard deviation over the seeds")
    for row in rows:
        table.add_row(*cells(row, columns(rows)))
    return table
