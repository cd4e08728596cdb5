"""The page of an evaluation: the record, what became of the images, and the worst of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadv.evaluation.attack_runner import Portion
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.outcome_log import CLEAN
from tfadv.norms import NormMode
from tfadv.reports import evaluation
from tfadv.reports.console import attack_title
from tfadv.reports.outcomes import Judged, Shown
from tfadv.reports.tables import within

# Of each branch.
WORST = 8


def write_report(evaluator: Evaluator, record: dict, worst: Sequence[Shown], folder: Path) -> Path:
    """Writes ``report.html`` and its figures.

    Args:
        evaluator: after it has evaluated.
        record: its record.
        worst: the images to show.
        folder: where to; it must not hold a report.

    Returns:
        The page.
    """
    labels = evaluator.source.labels[evaluator.indices]
    judged = [
        Judged(branch, CLEAN, labels, evaluator.predictions[branch, CLEAN])
        for branch in record["clean"]
    ]
    for branch, specs in _within_epsilon(evaluator, record).items():
        for spec in specs:
            title = attack_title(evaluator.rows[branch, spec])
            judged.append(Judged(branch, title, labels, evaluator.predictions[branch, spec]))
    return evaluation.write(folder, record, evaluator.source.class_names, judged, worst)


def worst_of_all(evaluator: Evaluator, record: dict) -> list[Shown]:
    """Returns the worst images of every branch; every worker of a run must call it."""
    return [
        shown
        for branch, specs in _within_epsilon(evaluator, record).items()
        for shown in worst_images(evaluator, branch, specs)
    ]


def _within_epsilon(evaluator: Evaluator, record: dict) -> dict[str, list[str]]:
    """Returns each branch's attacks in the record's threat model."""
    found = {branch: [] for branch in record["clean"]}
    for (branch, spec), row in evaluator.rows.items():
        if within(record, row):
            found[branch].append(spec)
    return found


def worst_images(evaluator: Evaluator, branch: str, specs: Sequence[str]) -> list[Shown]:
    """Returns the images that the cheapest attack makes the model most confidently wrong about.

    Args:
        evaluator: after it has evaluated.
        branch: of the model.
        specs: of the attacks to choose from.
    """
    runs = evaluator.single_runs()
    useful = [spec for spec in specs if len(evaluator.fooled(branch, spec))]
    if not useful:
        return []
    spec = min(useful, key=lambda spec: runs[spec].attack.passes)
    fooled = evaluator.fooled(branch, spec)[: evaluator.attack_runner.batch_size]
    portion = Portion(fooled, len(fooled))
    (found,) = evaluator.attack_runner.adversarial(NormMode(branch), runs[spec], portion)
    labels = evaluator.source.labels[found["index"]]
    order = np.argsort(-found["confidence"] * (found["prediction"] != labels))[:WORST]
    title = attack_title(evaluator.rows[branch, spec])
    return [
        Shown(
            branch,
            title,
            found["image"][row],
            found["adversarial"][row],
            int(labels[row]),
            int(found["prediction"][row]),
            float(found["confidence"][row]),
            int(found["index"][row]),
        )
        for row in order
        if found["prediction"][row] != labels[row]
    ]
