"""The paper's curve beside a record's: of the same recipe, branch and kind of attack."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfadv.paper import PaperRow, row_of
from tfadv.plots.curves import Curve
from tfadv.plots.names import branch_name

# What must be so of an attack that can stand beside the paper's, and is where it says nothing.
_THE_PAPERS = {
    "attack": "pgd",
    "targeted": True,
    "ball": "linf",
    "loss": "cross_entropy",
    "restarts": 1,
    "runs": 1,
    "worst_case": False,
}
_UNLESS_SAID = {key: value for key, value in _THE_PAPERS.items() if key != "targeted"}


class PaperCurve(NamedTuple):
    """A line as the paper printed it.

    Attributes:
        branch: the norm branch.
        label: in the legend.
        steps: of the attack, ascending.
        accuracy: fractions.
    """

    branch: str
    label: str
    steps: list[int]
    accuracy: list[float]


def row_of_record(record: Mapping) -> PaperRow | None:
    """Returns the paper's row that a record's model was trained by, None where there is none."""
    return row_of(record["model"].get("recipe") or ())


def paper_curves(record: Mapping, lines: Sequence[Curve]) -> list[PaperCurve]:
    """Returns the paper's curves, at most one per branch, up to the longest attack in the record.

    Args:
        record: of an evaluation; its model may name its recipe.
        lines: the record's own curves, by the attack's steps.
    """
    row = row_of_record(record)
    if row is None:
        return []
    longest: dict[str, float] = {}
    for line in (one for one in lines if is_the_papers_attack(one.settings)):
        longest[line.branch] = max(longest.get(line.branch, 0), *line.x)
    found = []
    for branch, most in longest.items():
        points = {steps: percent for steps, percent in row.curve(branch).items() if steps <= most}
        if len(points) > 1:
            steps = sorted(points)
            accuracy = [points[step] / 100 for step in steps]
            found.append(PaperCurve(branch, _label(row, branch), steps, accuracy))
    return found


def caption(record: Mapping, lines: Sequence[Curve]) -> str:
    """Returns what the dashed lines are, and why a branch has none."""
    row = row_of_record(record)
    if row is None:
        return _why_no_row(record["model"])
    drawn = [curve.branch for curve in paper_curves(record, lines)]
    sentences = []
    if drawn:
        sentences.append(
            f"Dashed: as printed in Xie & Yuille (2020), {row.where}. Those are other images and "
            "another model: compare the shapes, not the heights."
        )
    for branch in dict.fromkeys(line.branch for line in lines if line.branch not in drawn):
        own = [line for line in lines if line.branch == branch]
        reason = _why_no_curve(row, branch, own)
        sentences.append(f"No curve of the paper beside {branch_name(branch)}: {reason}.")
    return " ".join(sentences)


def _why_no_curve(row: PaperRow, branch: str, lines: Sequence[Curve]) -> str:
    if not row.curve(branch):
        return f"none is printed of '{row.name}'"
    if not any(is_the_papers_attack(line.settings) for line in lines):
        return "the paper's attack is targeted PGD in L∞ by cross-entropy, judged by its last image"
    return "the paper's attacks are longer than these"


def _why_no_row(model: Mapping) -> str:
    if "recipe" not in model:
        reason = "the record doesn't say by which recipe it was trained"
    elif model["recipe"] is None:
        reason = "its configuration is none of the paper's rows"
    else:
        reason = f"{' + '.join(model['recipe'])} is no row of the paper known here"
    return f"No curve of the paper beside this model: {reason}."


def is_the_papers_attack(settings: Mapping) -> bool:
    """Returns whether an attack of these settings can stand beside the paper's."""
    said = _UNLESS_SAID | settings
    return all(said.get(key) == value for key, value in _THE_PAPERS.items())


def _label(row: PaperRow, branch: str) -> str:
    title = f"paper: ImageNet, {row.network}, ε = {row.epsilon:g}"
    of_branch = f", {branch_name(branch)}" if row.has_branches else ""
    return f"{title}\n({row.name}{of_branch})"
