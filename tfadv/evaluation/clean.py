"""What a record says of images that nobody attacked: clean ones and corrupted ones."""

from collections.abc import Callable, Sequence

import numpy as np

from tfadv.data.corruptions.corrupted import SEVERITIES
from tfadv.data.source import Source
from tfadv.evaluation import metrics
from tfadv.evaluation.attack_runner import AttackRunner, Columns
from tfadv.evaluation.outcome_log import Unit
from tfadv.evaluation.outcomes import CLASSIFYING, Outcomes
from tfadv.norms import NormMode

TOP = 5


def clean_record(found: Columns, labels: np.ndarray, class_names: Sequence[str]) -> dict:
    """Returns the accuracies and the calibration of one branch.

    Args:
        found: as `Outcomes.clean` returns them.
        labels: int [N].
        class_names: K names.
    """
    correct = found["prediction"] == labels
    record = metrics.share(np.sum(correct), len(correct))
    if len(class_names) > TOP:
        record[f"top{TOP}"] = metrics.top_k_correct(found["label_rank"], TOP)
    return record | {
        "calibration_error": metrics.expected_calibration_error(found["confidence"], correct),
        "reliability": metrics.reliability(found["confidence"], correct),
        "per_class": metrics.per_class(labels, found["prediction"], class_names),
    }


def corruption_rows(
    attack_runner: AttackRunner,
    corrupted: Callable[[str, int], Source],
    kinds: Sequence[str],
    branch: str,
    outcomes: Outcomes,
) -> list[dict]:
    """Returns one branch's accuracy under each corruption at each severity.

    Args:
        attack_runner: of the model.
        corrupted: returns the images with a kind of corruption and a severity.
        kinds: names of corruptions.
        branch: of the model.
        outcomes: of the images as they are.
    """
    rows = []
    for kind in kinds:
        for severity in SEVERITIES:
            source = corrupted(kind, severity)

            def classify(portion, source=source):
                return attack_runner.classify(NormMode(branch), portion, source)

            unit = Unit(branch, f"{kind} {severity}")
            predictions = outcomes.column(unit, classify, CLASSIFYING, "prediction")
            right, count = np.sum(predictions == outcomes.labels), len(predictions)
            rows.append(
                {"corruption": kind, "severity": severity}
                | metrics.share(right, count)
                | {"examples": count}
            )
    return rows
