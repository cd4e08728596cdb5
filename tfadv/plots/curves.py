"""Accuracy along one setting of an attack, all its others alike."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfadv.norms.mode import MAIN
from tfadv.plots.names import branch_name

# What a row of the record found; the rest of it says which attack it was.
_FOUND = {
    "branch",
    "accuracy",
    "ci95",
    "attack_success",
    "examples",
    "passes_per_image",
    "stages",
    "title",
    "after",
}
_BALLS = {"linf": "L∞", "l2": "L2"}


class Curve(NamedTuple):
    """One line of a figure.

    Attributes:
        label: in the legend.
        branch: the norm branch.
        settings: of its attacks, without the one that varies.
        x: the values of that one, ascending.
        accuracy: fractions.
        low: lower ends of the 95% intervals.
        high: upper ends.
        record: the name of its record, where several are drawn.
    """

    label: str
    branch: str
    settings: dict
    x: list[float]
    accuracy: list[float]
    low: list[float]
    high: list[float]
    record: str = ""


def settings(row: Mapping) -> dict:
    """Returns what an attack's row says of the attack itself."""
    return {key: value for key, value in row.items() if key not in _FOUND}


def curves(
    records: Sequence[Mapping], along: str, names: Sequence[str] = ("",), least: int = 2
) -> list[Curve]:
    """Returns a line for each record, branch and attack that was run with two values of `along`.

    What is left after other attacks, too, is no point of one.

    Args:
        records: of evaluations.
        along: ``steps`` or ``epsilon``. The step size may vary with it.
        names: of the records, which the labels begin with.
        least: how many values make a line.
    """
    found = [
        (name, branch, json.loads(rest), rows)
        for record, name in zip(records, names, strict=True)
        for (branch, rest), rows in _groups(record, along).items()
        if len({row[along] for row in rows}) >= least
    ]
    everything = [own for _, _, own, _ in found]
    return [
        Curve(
            _label(name, branch, own, everything),
            branch,
            own,
            [row[along] for row in rows],
            [row["accuracy"] for row in rows],
            *([row["ci95"][end] for row in rows] for end in (0, 1)),
            name,
        )
        for name, branch, own, rows in found
    ]


def from_clean(record: Mapping, curve: Curve) -> Curve:
    """Returns a curve over ε that begins at a record's clean accuracy, ε = 0, if it has one."""
    clean = record["clean"].get(curve.branch)
    if clean is None:
        return curve
    low, high = clean["ci95"]
    return curve._replace(
        x=[0.0, *curve.x],
        accuracy=[clean["accuracy"], *curve.accuracy],
        low=[low, *curve.low],
        high=[high, *curve.high],
    )


def in_record(name: str, branch: str) -> str:
    """Returns what a legend calls a branch of a record of that name; '' where there is one."""
    if name:
        return name if branch == MAIN else f"{name}, {branch_name(branch)}"
    return branch_name(branch)


def setting_text(key: str, value: object) -> str:
    """Returns one setting of an attack in words."""
    if key == "targeted":
        return "targeted" if value else "untargeted"
    if key == "worst_case":
        return "worst case" if value else "final iterate"
    if key == "ball":
        return _BALLS.get(str(value), str(value))
    shown = f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
    return f"ε = {value:g}" if key == "epsilon" else f"{key.replace('_', ' ')} {shown}"


def _groups(record: Mapping, along: str) -> dict[tuple[str, str], list[Mapping]]:
    """Returns the rows by branch and what else is said of the attack, in the order of `along`."""
    found: dict[tuple[str, str], list[Mapping]] = {}
    for row in record["attacks"]:
        if row.get(along) and not row.get("after"):
            found.setdefault((row["branch"], _rest(row, along)), []).append(row)
    return {key: sorted(rows, key=lambda row: row[along]) for key, rows in found.items()}


def _rest(row: Mapping, along: str) -> str:
    rest = {key: value for key, value in settings(row).items() if key not in (along, "step_size")}
    return json.dumps(rest, sort_keys=True)


def _label(name: str, branch: str, own: dict, others: Sequence[dict]) -> str:
    """Returns the record, the branch, and in which settings this curve differs from others."""
    differing = [
        setting_text(key, own.get(key))
        for key in dict.fromkeys(key for other in others for key in other)
        if len({json.dumps(other.get(key)) for other in others}) > 1
        and (key in own or key in ("targeted", "worst_case"))
    ]
    return ", ".join([in_record(name, branch), *differing])
