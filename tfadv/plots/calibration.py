"""How far a model's confidence can be believed."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from tfadv.errors import UserError
from tfadv.plots.names import branch_name
from tfadv.plots.style import LIGHT, Theme, canvas, explain, in_percent, look, name_axes


def reliability(record: Mapping, theme: Theme = LIGHT) -> Figure:
    """Returns how often the clean images' predictions are right, by their confidence.

    The reliability diagram of Guo et al. (2017, section 2); larger marks hold more images.

    Args:
        record: of an evaluation; each branch's ``clean`` may have a ``reliability``.
        theme: the colours.

    Raises:
        UserError: no branch of the record has the points of one.
    """
    if not any(clean.get("reliability") for clean in record["clean"].values()):
        raise UserError("the record holds no reliability of clean images: there is nothing to draw")
    figure, axes = canvas(theme, "Confidence and accuracy, clean images", 4.9)
    axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=1, dashes=(5, 2), label="calibrated")
    for number, (branch, clean) in enumerate(record["clean"].items()):
        bins = [one for one in clean.get("reliability", ()) if one["examples"]]
        if not bins:
            continue
        x, y = ([one[key] for one in bins] for key in ("confidence", "accuracy"))
        share = np.array([one["examples"] for one in bins]) / sum(one["examples"] for one in bins)
        label = branch_name(branch)
        if "calibration_error" in clean:
            label += f": calibration error {clean['calibration_error']:.1%}"
        colour, marker = look(theme, number)
        axes.plot(x, y, color=colour, linewidth=1.2, marker=marker, markersize=3, label=label)
        axes.scatter(x, y, 400 * share, color=colour, marker=marker, alpha=0.35, linewidths=0)
    in_percent(axes.xaxis)
    in_percent(axes.yaxis)
    name_axes(axes, theme, "confidence in the predicted class", "share predicted right")
    explain(figure, axes, theme)
    return figure
