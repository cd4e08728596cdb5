"""Clean and robust accuracy of every branch, each image counted once."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfadv.attacks.base import Attack
from tfadv.attacks.threat_model import ThreatModel, record_of
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.data.corruptions.corrupted import SEVERITIES
from tfadv.data.pipeline import evaluation_indices
from tfadv.data.source import Source
from tfadv.devices.workers import Workers
from tfadv.evaluation import attack_runs
from tfadv.evaluation.attack_runner import AttackRunner
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.clean import clean_record, corruption_rows
from tfadv.evaluation.gradient_masking.examination import Examination
from tfadv.evaluation.gradient_masking.indicators import INDICATORS
from tfadv.evaluation.metrics import share
from tfadv.evaluation.outcome_log import CLEAN, OutcomeLog, Unit
from tfadv.evaluation.outcomes import LOOK, Outcomes
from tfadv.evaluation.robust_accuracy import RobustAccuracy
from tfadv.models.base import Model
from tfadv.models.external import ExternalModel
from tfadv.norms.mode import NormMode
from tfadv.pixels import PIXEL_RANGE
from tfadv.progress import Work
from tfadv.reports.console import attack_title


class Evaluator:
    """Measures a model on one set of images.

    Args:
        model: the model.
        source: the images.
        evaluation: how many, at what precision and what counts.
        attacks: by spec, as `Evaluation.build_attacks` returns them.
        distribution: the devices the model lives on.
        seed: of the subset, the targets and the starts.
        branches: which of the model's branches; None for all.
        verdicts: what is known of the images already, and where more is kept.
        checkup: what the doctor is to do, if there is to be one.

    Attributes:
        judge: of the model.
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
        model: Model | ExternalModel,
        source: Source,
        evaluation: Evaluation,
        attacks: Mapping[str, Attack],
        distribution: tf.distribute.Strategy,
        seed: int,
        branches: Sequence[str] | None = None,
        verdicts: OutcomeLog | None = None,
        checkup: Checkup | None = None,
    ):
        self.judge = AttackRunner(model, source, evaluation, distribution, seed)
        self.source = source
        self._evaluation = evaluation
        self._attacks = attacks
        self._seed = seed
        self._branches = tuple(branches or model.branches)
        self._verdicts = verdicts
        self._doctor = None
        if checkup:
            self._doctor = Examination(
                model, source, evaluation, checkup, INDICATORS, distribution, seed
            )
        self._workers = Workers(distribution)
        self.plan = attack_runs.planned(
            attacks, evaluation.trajectory == "shared", evaluation.worst_case
        )
        self.indices = evaluation_indices(source, evaluation.examples, seed)
        self.predictions: dict[tuple[str, str], np.ndarray] = {}
        self.rows: dict[tuple[str, str], dict] = {}

    def evaluate(self) -> dict:
        """Returns the record of clean accuracy and every attack, per branch."""
        verdicts = OutcomeLog() if self._verdicts is None else self._verdicts
        self._workers.agree("state of the evaluation beside --output", verdicts.progress())
        with Work("evaluate", self._cost(), quiet=not self._workers.is_chief) as work:
            ledger = Outcomes(self.source, self.indices, verdicts, work)
            record = {
                "dataset": self.source.name,
                **record_of(self.threat_model),
                "pixel_range": [int(bound) for bound in PIXEL_RANGE],
                "examples": len(self.indices),
                "clean": {branch: self._clean(branch, ledger) for branch in self._branches},
                **self._attacked(ledger),
            }
            if self._evaluation.corruptions:
                record["corruptions"] = {
                    branch: corruption_rows(
                        self.judge,
                        self.source,
                        self._evaluation.corruptions,
                        branch,
                        ledger,
                        self._seed,
                    )
                    for branch in self._branches
                }
            if self._doctor:
                record["doctor"] = {
                    branch: self._doctor.examine(branch, verdicts, work)
                    for branch in self._branches
                }
        return record

    @property
    def threat_model(self) -> ThreatModel | None:
        """That of the attacks asked for; None where they differ or have none."""
        found = {self._attacks[spec].threat_model for spec in self._evaluation.attacks}
        return found.pop() if len(found) == 1 else None

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

    def _clean(self, branch: str, ledger: Outcomes) -> dict:
        found = ledger.clean(branch, lambda portion: self.judge.look(NormMode(branch), portion))
        self.predictions[branch, CLEAN] = found["prediction"]
        return clean_record(found, ledger.labels, self.source.class_names)

    def _attacked(self, ledger: Outcomes) -> dict:
        """Returns the record's ``attacks`` and, if asked for, its ``worst_case``."""
        worst: dict[tuple[str, ThreatModel | None], np.ndarray] = {}
        done: dict[tuple[str, ThreatModel | None], list[str]] = {}
        for runs in self.plan:
            for branch in self._branches:
                key = branch, self._attacks[runs[0].specs[0]].threat_model
                before = worst.get(key, self.predictions[branch, CLEAN])
                tally = self._attack(branch, runs, before, ledger)
                for spec in runs[0].specs:
                    row = tally.record(spec, self._attacks[spec], branch)
                    row |= self._conditions() | ({"after": done[key]} if key in done else {})
                    self.rows[branch, spec] = row
                    self.predictions[branch, spec] = tally.predictions[spec]
                if self._evaluation.worst_case:
                    worst[key] = tally.worst
                    titles = [attack_title(self.rows[branch, spec]) for spec in runs[0].specs]
                    done[key] = done.get(key, []) + titles
        found = {"attacks": [self.rows[b, spec] for spec in self._attacks for b in self._branches]}
        if worst:
            first = next(iter(self._attacks.values())).threat_model
            found["worst_case"] = {
                branch: share(np.sum(worst[branch, first] == ledger.labels), len(ledger.labels))
                for branch in self._branches
            }
        return found

    def _conditions(self) -> dict:
        """Returns what a row says of how the attack was judged."""
        conditions = {"worst_case": True} if self._evaluation.worst_case else {}
        runs = self._evaluation.restarts
        return conditions | ({"runs": runs} if runs > 1 else {})

    def _attack(
        self, branch, runs: list[Run], before: np.ndarray, ledger: Outcomes
    ) -> RobustAccuracy:
        """Runs a sequence on the images that it is for."""
        chosen = np.ones(len(before), bool)
        if self._evaluation.worst_case or len(runs) > 1:
            chosen = before == ledger.labels
        tally = RobustAccuracy(runs, before, ledger.labels, chosen)
        for run in runs:
            for restart in range(self._evaluation.restarts):

                def attacked(portion, run=run, restart=restart):
                    return self.judge.attack(NormMode(branch), run, restart, portion)

                unit = Unit(branch, run.name, restart)
                tally.take(run, *ledger.fill(unit, attacked, run.attack.passes, tally.left))
        return tally

    def _cost(self) -> float:
        """Returns about how many passes of an image there are at most."""
        attacks = sum(run.attack.passes for runs in self.plan for run in runs)
        looks = 1 + len(self._evaluation.corruptions) * len(SEVERITIES)
        of_an_image = attacks * self._evaluation.restarts + looks * LOOK
        doctor = self._doctor.cost if self._doctor else 0.0
        return (of_an_image * len(self.indices) + doctor) * len(self._branches)
