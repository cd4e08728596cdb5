"""What the finished runs of a reproduction reached, by model, norm branch and attack."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.evaluation.predictions import read_predictions
from tfadv.files import read_record
from tfadv.paper import Number
from tfadv.plots.curves import settings
from tfadv.plots.paper_curve import is_the_papers_attack
from tfadv.reports import console
from tfadv.reports.tables import within
from tfadv.reproduction.bootstrap import Interval, bootstrap
from tfadv.reproduction.experiment import Files


class SeedResult(NamedTuple):
    """One trained and evaluated model.

    Attributes:
        seed: of its training and evaluation.
        run: the folder of the run.
        record: of the evaluation, as ``tfadv.evaluate`` wrote it.
        report: the evaluation's own page.
        index: which images were judged, int64 [N].
        right: whether each was classified right, bool [N], by norm branch and attack:
            'clean', 'PGD-2000' (targeted, the paper's) or another attack's title.
        statistics: of its norms, as `norm_statistics.record` returns them; None where nobody
            looked.
    """

    seed: int
    run: Path
    record: Mapping
    report: Path
    index: np.ndarray
    right: Mapping[tuple[str, str], np.ndarray]
    statistics: Mapping | None = None


class Measured(NamedTuple):
    """One number: its accuracy as a fraction with a 95% interval, and of what it was measured."""

    accuracy: Interval
    seeds: tuple[int, ...]
    images: int


class Results:
    """Everything that is there.

    Args:
        by_model: the finished runs of each model, in the order of their seeds.
        missing: of each model that lacks a run, why: 'failed: …' or 'not run'.
    """

    def __init__(
        self, by_model: Mapping[Files, Sequence[SeedResult]], missing: Mapping[Files, Sequence[str]]
    ):
        self.by_model = by_model
        self.missing = missing

    def measured(self, number: Number) -> Measured | None:
        """Returns a number over all its seeds; None where no run has it."""
        return self.contrast({number: 1.0})

    def curve(self, files: Files, branch: str) -> dict[int, Measured]:
        """Returns a branch's accuracies by the steps of the paper's attack, ascending."""
        steps = {
            int(attack.removeprefix("PGD-"))
            for result in self.by_model.get(files, ())
            for where, attack in result.right
            if where == branch and attack.removeprefix("PGD-").isdecimal()
        }
        found = {n: self.measured(Number(files, branch, f"PGD-{n}")) for n in sorted(steps)}
        return {n: measured for n, measured in found.items() if measured}

    def contrast(self, weights: Mapping[Number, float]) -> Measured | None:
        """Returns ``Σ weight · accuracy`` over the seeds that have all of the numbers.

        Models of one seed are judged on the same images, so the sum is taken image by
        image and the interval is that of paired differences.

        Args:
            weights: of each number.

        Returns:
            None where no seed has all of them.
        """
        pairs = [self._of_seed(weights, seed) for seed in self._common_seeds(weights)]
        found = [pair for pair in pairs if pair is not None]
        if not found:
            return None
        values = [each for _, each in found]
        seeds = tuple(seed for seed, _ in found)
        return Measured(bootstrap(values), seeds, min(map(len, values)))

    def _common_seeds(self, weights: Mapping[Number, float]) -> list[int]:
        seeds = [
            {result.seed for result in self.by_model.get(number.files, ())} for number in weights
        ]
        return sorted(functools.reduce(set.intersection, seeds))

    def _of_seed(self, weights, seed: int) -> tuple[int, np.ndarray] | None:
        """Returns what each image contributes in one seed; None if a number is not there."""
        total, index = 0.0, None
        for number, weight in weights.items():
            (result,) = (one for one in self.by_model[number.files] if one.seed == seed)
            right = result.right.get((number.branch, number.attack))
            if right is None or not (index is None or np.array_equal(index, result.index)):
                return None
            index = result.index
            total = total + weight * right
        return seed, total


def read(run: Path, record_path: Path, seed: int, statistics: Path) -> SeedResult:
    """Returns an evaluated run.

    Args:
        run: its folder.
        record_path: of the evaluation; its predictions lie beside it.
        seed: of the run.
        statistics: of its norms, where it was measured.
    """
    remedy = "remove it, and what is called like it, and the same command makes it once more"
    record = read_record(record_path, remedy, {"clean": dict, "attacks": list})
    right = {}
    predictions = read_predictions(record_path)
    for branch, predicted in zip(record["clean"], predictions.clean, strict=True):
        right[branch, "clean"] = predicted == predictions.label
    for row, predicted in zip(record["attacks"], predictions.attacks, strict=True):
        name = attack_name(record, row)
        if (row["branch"], name) in right:  # two that differ in what no name says
            name = f"{name} ({len(right)})"
        right[row["branch"], name] = predicted == predictions.label
    report = record_path.with_name(f"{record_path.stem}_report") / "report.html"
    norms = read_record(statistics, remedy) if statistics.is_file() else None
    return SeedResult(seed, run, record, report, predictions.index, right, norms)


def attack_name(record: Mapping, row: Mapping) -> str:
    """Returns 'PGD-2000' for the paper's attack, targeted PGD, and more words for any other.

    Args:
        record: of the evaluation, in whose threat model the paper's attack is.
        row: one of its attacks.
    """
    alone = within(record, row) and not row.get("after")
    if alone and is_the_papers_attack(settings(row)):
        return f"PGD-{row['steps']}"
    return console.attack_name(row)
