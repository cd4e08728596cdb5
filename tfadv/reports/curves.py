"""Accuracy along one setting of an attack, all its others alike."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfadv.reports.outcomes import branch_name

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
    """

    label: str
    branch: str
    settings: dict
    x: list[float]
    accuracy: list[float]
    low: list[float]
    high: list[float]


def settings(row: Mapping) -> dict:
    """Returns what an attack's row says of the attack itself."""
    return {key: value for key, value in row.items() if key not in _FOUND}


def curves(record: Mapping, along: str) -> list[Curve]:
    """Returns a line for each branch and attack that was run with two values of `along`.

    What is left after other attacks, too, is no point of one.

    Args:
        record: of an evaluation.
        along: ``steps`` or ``epsilon``. The step size may vary with it.
    """
    groups: dict[tuple[str, str], list[Mapping]] = {}
    for row in record["attacks"]:
        if row.get(along) and not row.get("after"):
            groups.setdefault((row["branch"], _rest(row, along)), []).append(row)
    kept = {
        key: sorted(rows, key=lambda row: row[along])
        for key, rows in groups.items()
        if len({row[along] for row in rows}) > 1
    }
    found = {key: json.loads(key[1]) for key in kept}
    return [
        Curve(
            _label(key[0], found[key], list(found.values())),
            key[0],
            found[key],
            [row[along] for row in rows],
            [row["accuracy"] for row in rows],
            *([row["ci95"][end] for row in rows] for end in (0, 1)),
        )
        for key, rows in kept.items()
    ]


def from_clean(record: Mapping, curve: Curve) -> Curve:
    """Returns a curve over ε that begins at the clean accuracy, ε = 0, where that was measured."""
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


def _rest(row: Mapping, along: str) -> str:
    rest = {key: value for key, value in settings(row).items() if key not in (along, "step_size")}
    return json.dumps(rest, sort_keys=True)


def _label(branch: str, own: dict, others: Sequence[dict]) -> str:
    """Returns the branch, and in which settings this curve differs from others."""
    differing = [
        setting_text(key, own.get(key))
        for key in dict.fromkeys(key for other in others for key in other)
        if len({json.dumps(other.get(key)) for other in others}) > 1
        and (key in own or key in ("targeted", "worst_case"))
    ]
    return ", ".join([branch_name(branch), *differing])
