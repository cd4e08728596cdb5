"""Curves of a training are its metrics."""

import pytest

from tfadv import plots
from tfadv.errors import UserError


def row(epoch, loss, **accuracies):
    return {"step": 10 * epoch, "epoch": float(epoch), "loss": loss, **accuracies}


def validated(epoch, clean, adv):
    accuracy = {"trained": {"adv": {"clean": clean, "pgd10": adv}}}
    return {"kind": "validation", "step": 10 * epoch, "epoch": float(epoch), "accuracy": accuracy}


METRICS = [
    row(1, 2.0, clean_accuracy=0.3, adv_accuracy=0.1),
    validated(1, 0.4, 0.2),
    row(2, 1.5, clean_accuracy=0.5, adv_accuracy=0.3),
    row(3, 1.0, clean_accuracy=0.6),
    validated(3, 0.7, 0.4),
]


def test_lines_are_the_metrics():
    loss, accuracy = plots.training_curves(METRICS).axes
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 2], [2, 1.5], [3, 1]]]
    lines = {line.get_label(): line.get_xydata().tolist() for line in accuracy.lines}
    assert lines == {
        "training, clean": [[1, 0.3], [2, 0.5], [3, 0.6]],
        "training, adv": [[1, 0.1], [2, 0.3]],
        "validation, adv branch: clean": [[1, 0.4], [3, 0.7]],
        "validation, adv branch: pgd10": [[1, 0.2], [3, 0.4]],
    }


def test_a_run_without_metrics_is_refused():
    with pytest.raises(UserError, match="no metrics yet"):
        plots.training_curves([validated(1, 0.4, 0.2)])
