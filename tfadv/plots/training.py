"""How a training went."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from tfadv.errors import UserError
from tfadv.plots.names import branch_name
from tfadv.plots.style import LIGHT, Theme, explain, in_percent, look, name_axes, panels

_HEIGHT = 5.2
_SUFFIX = "_accuracy"
_VALIDATION = "validation"


def training_curves(metrics: Sequence[Mapping], theme: Theme = LIGHT) -> Figure:
    """Returns loss and accuracies by the epoch, those of validations dashed.

    Args:
        metrics: what ``metrics.jsonl`` of a run holds, oldest first.
        theme: the colours.

    Raises:
        UserError: there are no metrics of training.
    """
    rows = [row for row in metrics if row.get("kind") != _VALIDATION and "loss" in row]
    if not rows:
        raise UserError("the run has noted no metrics yet: there is nothing to draw")
    figure, (loss, accuracy) = panels(theme, ("Loss of training", "Accuracy"), _HEIGHT)
    loss.plot(*_points(rows, "loss"), color=look(theme, 0)[0], linewidth=1.8)
    loss.set_ylim(bottom=0)
    names = list(dict.fromkeys(name for row in rows for name in row if name.endswith(_SUFFIX)))
    for number, name in enumerate(names):
        label = f"training, {name.removesuffix(_SUFFIX)}"
        colour = look(theme, number)[0]
        accuracy.plot(*_points(rows, name), color=colour, linewidth=1.8, label=label)
    for number, (label, points) in enumerate(_validated(metrics).items(), len(names)):
        colour, marker = look(theme, number)
        dashed = {"dashes": (4, 2), "marker": marker, "markersize": 4.5}
        accuracy.plot(*zip(*points, strict=True), color=colour, label=label, **dashed)
    in_percent(accuracy.yaxis)
    name_axes(loss, theme, "", "loss")
    name_axes(accuracy, theme, "epochs", "accuracy")
    explain(figure, accuracy, theme)
    return figure


def _points(rows: Sequence[Mapping], name: str) -> tuple[list[float], list[float]]:
    """Returns epochs, and what the rows have of a name."""
    found = [(row["epoch"], row[name]) for row in rows if name in row]
    return [epoch for epoch, _ in found], [value for _, value in found]


def _validated(metrics: Sequence[Mapping]) -> dict[str, list[tuple[float, float]]]:
    """Returns epochs and accuracies by what validations measured."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in metrics:
        if row.get("kind") != _VALIDATION:
            continue
        for weights, by_branch in row["accuracy"].items():
            of = "" if weights == "trained" else f" of the {weights}"
            for branch, values in by_branch.items():
                for what, value in values.items():
                    label = f"validation{of}, {branch_name(branch)}: {what}"
                    found.setdefault(label, []).append((row["epoch"], value))
    return found
