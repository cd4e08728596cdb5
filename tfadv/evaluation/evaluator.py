"""Clean and robust accuracy of every branch, each image counted once."""

import functools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfadv.attacks.threat_model import ThreatModel, record_of
from tfadv.data.corruptions.corrupted import SEVERITIES, Corrupted
from tfadv.data.corruptions.on_disk import OnDisk
from tfadv.data.pipeline import evaluation_indices
from tfadv.data.source import Source
from tfadv.devices.workers import Workers
from tfadv.evaluation import attack_runs
from tfadv.evaluation.attack_runner import AttackRunner
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.clean import clean_record, corruption_rows
from tfadv.evaluation.metrics import share
from tfadv.evaluation.outcome_log import CLEAN, OutcomeLog, Unit
from tfadv.evaluation.outcomes import CLASSIFYING, Outcomes
from tfadv.evaluation.robust_accuracy import RobustAccuracy
from tfadv.models.classifier import Classifier
from tfadv.norms.mode import NormMode
from tfadv.pixels import PIXEL_RANGE
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.progress import Work
from tfadv.reports.console import attack_title


class Examines(Protocol):
    """Looks at a model more closely than attacks alone do, branch by branch."""

    @property
    def cost(self) -> float:
        """About how many passes of an image a branch takes at most."""

    def examine(self, branch: str, log: OutcomeLog, work: Work) -> list[dict]:
        """Returns a branch's records."""


class Evaluator:
    """Measures a model on one set of images.

    Args:
        model: the model.
        parts: the images, the attacks by spec, and what counts.
        distribution: the devices the model lives on.
        branches: which of the model's branches; None for all.
        log: what is known of the images already, and where more is kept.
        examination: of masked gradients, if there is to be one.
        changes: whether the model's weights change from one evaluation to the next, on a
            training's way.

    Attributes:
        attack_runner: of the model.
        source: the images.
        plan: the attacks' runs, in sequences.
        predictions: int64 [N] of the images `indices` for each branch and attack
            spec, or 'clean', once it has evaluated.
        rows: what the record says of each branch and attack spec.
        indices: which images of the source are evaluated, int64 [N].

    Raises:
        UserError: the replicas don't divide the batch.
    """

    def __init__(
        self,
        model: Classifier,
        parts: EvaluationParts,
        distribution: tf.distribute.Strategy,
        branches: Sequence[str] | None = None,
        log: OutcomeLog | None = None,
        examination: Examines | None = None,
        changes: bool = False,
    ):
        self.attack_runner = AttackRunner(model, parts, distribution, changes)
        self._title = "validate" if changes else "evaluate"
        self._says_end = not changes
        self.source = parts.source
        self._evaluation = evaluation = parts.evaluation
        self._attacks = parts.attacks
        self._branches = tuple(branches or model.branches)
        self._log = log
        self._examination = examination
        self._workers = Workers(distribution)
        shared = evaluation.trajectory == "shared"
        self.plan = attack_runs.planned(parts.attacks, shared, evaluation.worst_case)
        self.indices = evaluation_indices(parts.source, evaluation.examples, parts.seed)
        self._asked_about = {}
        if parts.kept_classes is not None:
            counts = {"asked_about": parts.source.classes, "of": parts.all_classes.classes}
            self._asked_about = {"classes": counts}
        if parts.precision:
            self._asked_about["precision"] = parts.precision.record()
        folder = evaluation.corrupted_images
        self._corrupted: Callable[[str, int], Source] = (
            functools.partial(Corrupted, parts.source, seed=parts.seed)
            if folder is None
            else OnDisk(folder, parts.source).source
        )
        self.predictions: dict[tuple[str, str], np.ndarray] = {}
        self.rows: dict[tuple[str, str], dict] = {}

    def evaluate(self) -> dict:
        """Returns the record of clean accuracy and every attack, per branch."""
        log = OutcomeLog() if self._log is None else self._log
        self._workers.agree("state of the evaluation beside --output", log.progress())
        quiet = not self._workers.is_chief
        with Work(self._title, self._cost(), quiet, self._says_end) as work:
            outcomes = Outcomes(self.source, self.indices, log, work)
            record = {
                "dataset": self.source.name,
                **record_of(self.threat_model),
                "pixel_range": [int(bound) for bound in PIXEL_RANGE],
                "examples": len(self.indices),
                **self._asked_about,
                "clean": {branch: self._clean(branch, outcomes) for branch in self._branches},
                **self._attacked(outcomes),
            }
            kinds = self._evaluation.corruptions
            if kinds:
                record["corruptions"] = {
                    branch: corruption_rows(
                        self.attack_runner, self._corrupted, kinds, branch, outcomes
                    )
                    for branch in self._branches
                }
            if self._examination:
                record["doctor"] = {
                    branch: self._examination.examine(branch, log, work)
                    for branch in self._branches
                }
        return record

    @property
    def threat_model(self) -> ThreatModel | None:
        """That of the attacks asked for; None where they differ or have none."""
        found = {self._attacks[spec].threat_model for spec in self._evaluation.attacks}
        return found.pop() if len(found) == 1 else None

    @property
    def rows_in_order(self) -> list[tuple[str, str]]:
        """The branch and attack spec of each of the record's ``attacks``."""
        return [(branch, spec) for spec in self._attacks for branch in self._branches]

    def single_runs(self) -> dict[str, Run]:
        """Returns each attack spec as a run of its own, of its first stage if it has some."""
        found = {}
        for first, *others in self.plan:
            for spec in first.specs:
                attack = first.attack if others else self._attacks[spec]
                found[spec] = first._replace(attack=attack, specs=(spec,), lengths=())
        return found

    def fooled(self, branch: str, spec: str) -> np.ndarray:
        """Returns the indices of the images that an attack turned from right to wrong."""
        labels = self.source.labels[self.indices]
        right = self.predictions[branch, CLEAN] == labels
        return self.indices[right & (self.predictions[branch, spec] != labels)]

    def _clean(self, branch: str, outcomes: Outcomes) -> dict:
        classify = functools.partial(self.attack_runner.classify, NormMode(branch))
        found = outcomes.clean(branch, classify)
        self.predictions[branch, CLEAN] = found["prediction"]
        return clean_record(found, outcomes.labels, self.source.class_names)

    def _attacked(self, outcomes: Outcomes) -> dict:
        """Returns the record's ``attacks`` and, if asked for, its ``worst_case``."""
        worst: dict[tuple[str, ThreatModel | None], np.ndarray] = {}
        done: dict[tuple[str, ThreatModel | None], list[str]] = {}
        for runs in self.plan:
            for branch in self._branches:
                key = branch, self._attacks[runs[0].specs[0]].threat_model
                before = worst.get(key, self.predictions[branch, CLEAN])
                found = self._attack(branch, runs, before, outcomes)
                for spec in runs[0].specs:
                    row = found.record(spec, self._attacks[spec], branch)
                    row |= self._conditions() | ({"after": done[key]} if key in done else {})
                    self.rows[branch, spec] = row
                    self.predictions[branch, spec] = found.predictions[spec]
                if self._evaluation.worst_case:
                    worst[key] = found.worst
                    titles = [attack_title(self.rows[branch, spec]) for spec in runs[0].specs]
                    done[key] = done.get(key, []) + titles
        found = {"attacks": [self.rows[key] for key in self.rows_in_order]}
        if worst:
            first = next(iter(self._attacks.values())).threat_model
            found["worst_case"] = {
                branch: share(np.sum(worst[branch, first] == outcomes.labels), len(outcomes.labels))
                for branch in self._branches
            }
        return found

    def _conditions(self) -> dict:
        """Returns what a row says of how the attack was judged."""
        chosen = self._evaluation
        conditions = {"worst_case": True} if chosen.worst_case else {}
        conditions |= {"runs": chosen.restarts} if chosen.restarts > 1 else {}
        return conditions | ({} if chosen.dtype == "float32" else {"dtype": chosen.dtype})

    def _attack(
        self, branch, runs: list[Run], before: np.ndarray, outcomes: Outcomes
    ) -> RobustAccuracy:
        """Runs a sequence on the images that it is for."""
        chosen = np.ones(len(before), bool)
        if self._evaluation.worst_case or len(runs) > 1:
            chosen = before == outcomes.labels
        found = RobustAccuracy(runs, before, outcomes.labels, chosen)
        for run in runs:
            for restart in range(self._evaluation.restarts):

                def attacked(portion, run=run, restart=restart):
                    return self.attack_runner.attack(NormMode(branch), run, restart, portion)

                unit = Unit(branch, run.name, restart)
                found.add(run, *outcomes.fill(unit, attacked, run.attack.passes, found.remaining))
        return found

    def _cost(self) -> float:
        """Returns about how many passes of an image there are at most."""
        attacks = sum(run.attack.passes for runs in self.plan for run in runs)
        classified = 1 + len(self._evaluation.corruptions) * len(SEVERITIES)
        of_an_image = attacks * self._evaluation.restarts + classified * CLASSIFYING
        closer = self._examination.cost if self._examination else 0.0
        return (of_an_image * len(self.indices) + closer) * len(self._branches)
