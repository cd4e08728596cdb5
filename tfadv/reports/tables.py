"""A record's numbers as the text of a page's tables."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tfadv.plots.curves import setting_text, settings
from tfadv.plots.names import branch_name, branches, class_name
from tfadv.plots.paper_curve import row_of_record
from tfadv.reports.console import attack_title

LONG = 20  # rows; a longer table is folded
NONE = "—"
_SHOWN_FIRST = ("targeted", "ball", "epsilon")
_IN_TITLE = ("attack", "steps", "worst_case")
_TRAINED_BY = ("strategy", "norm", "scale")
_VERDICTS = ("suspicious", "not measured", "fine")
WORST_CASE = "worst case"


class Cell(NamedTuple):
    """An accuracy, its 95% interval and what else there is, all as text."""

    accuracy: str
    interval: str
    note: str = ""


class Line(NamedTuple):
    """One row of the headline table; `kind` is clean, attack, stage or worst."""

    kind: str
    title: str
    threat: str
    meaning: str
    cells: list[Cell | None]


class Indicator(NamedTuple):
    """One indicator of masked gradients, as text."""

    sign: str
    what: str
    value: str
    limit: str
    verdict: str


def headline(record: Mapping) -> list[Line]:
    """Returns a line for each attack, with a cell for each branch."""
    columns = branches(record)
    clean = [_cell(record["clean"].get(branch)) for branch in columns]
    lines = [Line("clean", "no attack", "clean images", "", clean)]
    for rows in _by_attack(record):
        lines += _attack_lines(rows, columns, record["pixel_range"])
    if "worst_case" in record:
        cells = [_cell(record["worst_case"].get(branch)) for branch in columns]
        meaning = "no iterate, restart or attack within ε succeeded"
        lines.append(Line("worst", "all attacks", "per image", meaning, cells))
    return lines


def summary(record: Mapping, branch: str) -> tuple[str, str, str] | None:
    """Returns clean accuracy, the lowest one under attack, and under what; None without both.

    Where attacks were run in the record's own threat model, only those count.
    """
    attacks = [row for row in record["attacks"] if row["branch"] == branch]
    own = [row for row in attacks if within(record, row)]
    attacked = [(row["accuracy"], _with_radius(row)) for row in own or attacks]
    if branch in record.get("worst_case", {}):
        attacked.append((record["worst_case"][branch]["accuracy"], "all attacks, worst case"))
    if branch not in record["clean"] or not attacked:
        return None
    lowest, name = min(attacked)
    return percent(record["clean"][branch]["accuracy"]), percent(lowest), name


def within(record: Mapping, row: Mapping) -> bool:
    """Returns whether an attack kept to the record's threat model, as far as both say one."""
    return all(record.get(k) in (None, row.get(k, record.get(k))) for k in ("epsilon", "ball"))


def signs(rows: Iterable[Mapping]) -> list[Indicator]:
    """Returns the indicators of masked gradients, suspicious ones first."""
    order = {verdict: number for number, verdict in enumerate(_VERDICTS)}
    return [
        Indicator(
            row["sign"],
            row.get("what", ""),
            number(row.get("value")),
            number(row.get("limit")),
            row["verdict"],
        )
        for row in sorted(rows, key=lambda row: order.get(row["verdict"], len(order)))
    ]


def suspicious(record: Mapping) -> list[str]:
    """Returns the names of the signs that are, with their branch where there are several."""
    doctor = record.get("doctor", {})
    return [
        f"{row['sign']} ({branch_name(branch)})" if len(doctor) > 1 else row["sign"]
        for branch, rows in doctor.items()
        for row in rows
        if row["verdict"] == "suspicious"
    ]


def clean(record: Mapping) -> tuple[list[str], list[list[str | Cell | None]]]:
    """Returns the header and a row a branch: top-1, top-5 and calibration error."""
    found = record["clean"]
    columns = {
        "branch": [branch_name(branch) for branch in found],
        "top-1": [_cell(row) for row in found.values()],
    }
    if any("top5" in row for row in found.values()):
        columns["top-5"] = [_cell(row.get("top5")) for row in found.values()]
    if any("calibration_error" in row for row in found.values()):
        errors = [row.get("calibration_error") for row in found.values()]
        columns["calibration error"] = [NONE if one is None else percent(one) for one in errors]
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def per_class(
    record: Mapping, class_names: Sequence[str]
) -> tuple[list[str], list[list[str | Cell | None]]] | None:
    """Returns the header and a row a class, the least accurate first; None where uncounted."""
    found = {
        branch: {row["class"]: row for row in clean["per_class"]}
        for branch, clean in record["clean"].items()
        if "per_class" in clean
    }
    if not found:
        return None
    rows: dict[int | str, list[Mapping]] = {}
    for by_class in found.values():
        for label, row in by_class.items():
            rows.setdefault(label, []).append(row)
    order = sorted(rows, key=lambda label: min(row["accuracy"] for row in rows[label]))
    table = [
        [
            class_name(label, class_names),
            str(rows[label][0]["examples"]),
            *(_cell(by_class.get(label)) for by_class in found.values()),
        ]
        for label in order
    ]
    header = ["class, least accurate first", "images", *map(branch_name, found)]
    return header, table


def corruptions(rows: Sequence[Mapping]) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows of a table: a row a kind, a column a severity."""
    severities = sorted({row["severity"] for row in rows})
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        found.setdefault(row["corruption"], {})[row["severity"]] = row["accuracy"]
    header = ["corruption", *(f"severity {severity}" for severity in severities), "mean"]
    table = [
        [
            kind.replace("_", " "),
            *(percent(by[severity]) if severity in by else NONE for severity in severities),
            percent(sum(by.values()) / len(by)),
        ]
        for kind, by in found.items()
    ]
    return header, table


def facts(record: Mapping) -> list[tuple[str, str]]:
    """Returns what is known of the model and of the measurement, by name."""
    low, high = record["pixel_range"]
    found = [("images", f"{record['examples']} of {record['dataset']}")]
    found.append(("pixel range", f"{low:g}..{high:g}: ε and step sizes are in these units"))
    if record.get("epsilon") is not None:
        found.append(("threat model of the attacks", _ball(record)))
    intervals = "95% Wilson score intervals of a share"
    return [*found, ("intervals", intervals), *_model_facts(record)]


def passes(record: Mapping) -> list[list[str]]:
    """Returns attack, branch and forward-and-backward passes an image, where counted."""
    return [
        [attack_title(row), branch_name(row["branch"]), f"{row['passes_per_image']:.1f}"]
        for row in record["attacks"]
        if "passes_per_image" in row
    ]


def percent(share: float) -> str:
    """Returns a fraction as ``65.6%``."""
    return f"{share:.1%}"


def interval(row: Mapping) -> str:
    """Returns an accuracy's 95% interval as ``61.3%–69.6%``."""
    low, high = row["ci95"]
    return f"{low:.1%}–{high:.1%}"


def number(value: float | str | None) -> str:
    """Returns a number in three digits, any text as it is, and a dash for nothing."""
    if value is None:
        return NONE
    return value if isinstance(value, str) else f"{value:.3g}"


def _cell(row: Mapping | None) -> Cell | None:
    if row is None:
        return None
    reached = row.get("targeted") and "attack_success" in row
    note = f"target reached {row['attack_success']:.1%}" if reached else ""
    return Cell(percent(row["accuracy"]), interval(row), note)


def _with_radius(row: Mapping) -> str:
    return ", ".join([attack_title(row), *([_ball(row)] if "epsilon" in row else [])])


def _ball(row: Mapping) -> str:
    """Returns a threat model in words."""
    return ", ".join(setting_text(key, row[key]) for key in ("ball", "epsilon") if key in row)


def _by_attack(record: Mapping) -> list[dict[str, Mapping]]:
    """Returns each attack's rows by branch."""
    found: dict[str, dict[str, Mapping]] = {}
    for row in record["attacks"]:
        key = json.dumps(settings(row), sort_keys=True)
        found.setdefault(key, {})[row["branch"]] = row
    return list(found.values())


def _attack_lines(
    rows: Mapping[str, Mapping], columns: Sequence[str], pixel_range: Sequence[float]
) -> list[Line]:
    """Returns an attack's line and one for each of its stages."""
    first = next(iter(rows.values()))
    alone = "left by all its stages" if first.get("stages") else "final iterate"
    meaning = WORST_CASE if first.get("worst_case") else alone
    if first.get("after"):
        meaning += f", of the images that {', '.join(first['after'])} left"
    cells = [_cell(rows.get(branch)) for branch in columns]
    lines = [Line("attack", attack_title(first), _threat(first, pixel_range), meaning, cells)]
    for number, stage in enumerate(first.get("stages", ())):
        cells = [_cell(_stage(rows.get(branch), number)) for branch in columns]
        lines.append(Line("stage", attack_title(stage), f"stage {number + 1}", "", cells))
    return lines


def _stage(row: Mapping | None, number: int) -> Mapping | None:
    stages = row.get("stages", ()) if row else ()
    return stages[number] if number < len(stages) else None


def _threat(row: Mapping, pixel_range: Sequence[float]) -> str:
    """Returns the threat model and the attack's other settings in words."""
    low, high = pixel_range
    words = [setting_text(key, row[key]) for key in _SHOWN_FIRST if key in row]
    if "epsilon" in row:
        words[-1] += f" of {low:g}..{high:g}"
    shown = {*_SHOWN_FIRST, *_IN_TITLE}
    words += [setting_text(key, value) for key, value in settings(row).items() if key not in shown]
    return ", ".join(words)


def _model_facts(record: Mapping) -> list[tuple[str, str]]:
    """Returns what is known of the model: what it was trained by first."""
    model = dict(record["model"])
    found = []
    if "recipe" in model:
        found.append(("the paper's row", _recipe(record, model.pop("recipe"))))
    order = [key for key in _TRAINED_BY if key in model]
    order += [key for key in model if key not in order]
    for key in order:
        value = model[key]
        text = value if isinstance(value, str) else _as_text(value)
        if key == "threat_model":
            key, text = "trained to withstand", "no attack" if value is None else _ball(value)
        found.append((key.replace("_", " "), text))
    return found


def _recipe(record: Mapping, files: Sequence[str] | None) -> str:
    if files is None:
        return "none: the configuration is another"
    row = row_of_record(record)
    name = f"'{row.name}', {row.where}: " if row else ""
    return name + " + ".join(files)


def _as_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)
