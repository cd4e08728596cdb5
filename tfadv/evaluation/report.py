"""The page of an evaluation: the record, what became of the images, and the worst of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadv.evaluation.attack_runner import Portion
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.outcome_log import CLEAN
from tfadv.norms import NormMode
from tfadv.reports import evaluation
from tfadv.reports.console import attack_title
from tfadv.reports.outcomes import Judged, Shown
from tfadv.reports.tables import within

# Of each branch.
WORST = 8
_PASSES = 25_000  # about how many forward and backward passes they may cost


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
    for branch, specs in _by_strength(evaluator, record).items():
        for spec in specs:
            title = attack_title(evaluator.rows[branch, spec])
            judged.append(Judged(branch, title, labels, evaluator.predictions[branch, spec]))
    return evaluation.write(folder, record, evaluator.source.class_names, judged, worst)


def worst_of_all(evaluator: Evaluator, record: dict) -> list[Shown]:
    """Returns the worst images of every branch; every worker of a run must call it."""
    return [
        shown
        for branch, specs in _by_strength(evaluator, record).items()
        for shown in worst_images(evaluator, branch, specs)
    ]


def _by_strength(evaluator: Evaluator, record: dict) -> dict[str, list[str]]:
    """Returns each branch's attacks in the record's threat model, the strongest first.

    That one leaves the least accuracy, and is the cheapest of equals.
    """
    found = {branch: [] for branch in record["clean"]}
    for (branch, spec), row in evaluator.rows.items():
        if within(record, row):
            found[branch].append((row["accuracy"], row["passes"], spec))
    return {branch: [spec for *_, spec in sorted(rows)] for branch, rows in found.items()}


def worst_images(evaluator: Evaluator, branch: str, specs: Sequence[str]) -> list[Shown]:
    """Returns the images that the strongest attack makes the model most confidently wrong about.

    Of a sequence of attacks the first makes the images.

    Args:
        evaluator: after it has evaluated.
        branch: of the model.
        specs: of the attacks to choose from, the strongest first.
    """
    runs = evaluator.single_runs()
    found = (_fooling(evaluator, branch, spec, runs[spec]) for spec in specs)
    return next(filter(None, found), [])


def _fooling(evaluator: Evaluator, branch: str, spec: str, run: Run) -> list[Shown]:
    """Returns the worst images of one attack, which is run once more on some that it fooled."""
    affordable = int(_PASSES / max(run.attack.passes, 1.0))
    count = min(evaluator.attack_runner.batch_size, max(WORST, affordable))
    fooled = evaluator.fooled(branch, spec)[:count]
    if not len(fooled):
        return []
    portion = Portion(fooled, len(fooled))
    (found,) = evaluator.attack_runner.adversarial(NormMode(branch), run, portion)
    labels = evaluator.source.labels[found["index"]]
    order = np.argsort(-found["confidence"] * (found["prediction"] != labels))[:WORST]
    title = attack_title(evaluator.rows[branch, spec])
    if run.stage:
        title += f" ({run.attack.title})"
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
