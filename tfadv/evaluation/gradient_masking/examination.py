"""Looks for a false sense of security: gradients that a model hides from attacks."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.attacks import Attack
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.data.pipeline import evaluation_indices
from tfadv.data.source import Source
from tfadv.errors import check
from tfadv.evaluation.attack_runner import AttackRunner
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.outcome_log import OutcomeLog, Unit
from tfadv.evaluation.outcomes import LOOK, Outcomes
from tfadv.interop import external_checks, external_models
from tfadv.interop.bundle_format import is_bundle
from tfadv.models.base import Model
from tfadv.models.external import ExternalModel
from tfadv.norms.mode import NormMode
from tfadv.pixels import LogitsFn
from tfadv.progress import Work

FINE, SUSPICIOUS, NOT_MEASURED = "fine", "suspicious", "not measured"


class ExaminedBranch:
    """One branch of a model, and what attacks have found of it so far.

    Args:
        model: the model.
        source: all images.
        branch: of the model.
        checkup: how closely to look.
        judge: of the model; it counts every iterate.
        ledger: of the images to look at.
        dtype: of the model's convolutions.
        seed: of every draw.
        other: another model of the same images, if there is one.
    """

    def __init__(
        self,
        model: Model | ExternalModel,
        source: Source,
        branch: str,
        checkup: Checkup,
        judge: AttackRunner,
        ledger: Outcomes,
        dtype: str,
        seed: int,
        other: ExternalModel | None = None,
    ):
        self.model = model
        self.source = source
        self.mode = NormMode(branch)
        self.checkup = checkup
        self.judge = judge
        self.ledger = ledger
        self.dtype = dtype
        self.seed = seed
        self.other = other
        clean = ledger.clean(branch, lambda portion: judge.look(self.mode, portion))
        self.right = np.flatnonzero(clean["prediction"] == ledger.labels)
        survivors = self.robust("pgd", checkup.pgd(), self.right, checkup.lengths)
        self.after_half, self.left, self.after_ten_times = survivors

    def share(self, count: int) -> float:
        """Returns a number of images as a share of all."""
        return count / len(self.ledger.labels)

    def robust(
        self,
        name: str,
        attack: Attack,
        places: np.ndarray,
        lengths: tuple[int, ...] = (),
        restart: int = 0,
        substitute: Callable[[], Callable[[], LogitsFn]] | None = None,
    ) -> list[np.ndarray]:
        """Returns which of some images an attack leaves, for each of its lengths.

        Args:
            name: of the unit.
            attack: the attack.
            places: of the images.
            lengths: of its trajectory, on which each iterate counts; none, for the
                image that it returns.
            restart: its number.
            substitute: prepares, if it is needed, what makes on each replica the
                function that the attack sees in the model's place.
        """
        specs = tuple(f"{name} {length}" for length in lengths) or (name,)
        run = Run(f"doctor {name}", attack, specs, lengths)

        def attacked(portion):
            seen = substitute() if substitute else None
            return self.judge.attack(self.mode, run, restart, portion, seen)

        unit = Unit(self.mode.branch, run.name, restart)
        places, found = self.ledger.fill(unit, attacked, attack.passes, places)
        if not len(places):
            return [places] * len(specs)
        right = found["prediction"] == self.ledger.labels[places][:, None]
        return [np.sort(places[column]) for column in right.T]

    def beaten(self, name: str, attack: Attack, **arguments) -> float:
        """Returns the share of images that an attack beats of those that PGD left."""
        (left,) = self.robust(name, attack, self.left, **arguments)
        return self.lost(left)

    def lost(self, left: np.ndarray) -> float:
        """Returns the share of images that PGD left and are not among these."""
        return self.share(len(self.left) - len(left))

    def measure(self, name: str, on_batch: Callable, passes: float = 1.0) -> np.ndarray:
        """Returns a value of each image, by a function from (logits_fn, batch) to float32 [N]."""

        def measured(portion):
            def columns(logits_fn, batch, _):
                return {"value": on_batch(logits_fn, batch)}

            return self.judge.by_batch((self.mode, name), self.mode, columns, portion)

        unit = Unit(self.mode.branch, f"doctor {name}")
        return self.ledger.column(unit, measured, passes, "value")


class Indicator(NamedTuple):
    """One sign.

    Attributes:
        name: of it.
        what: the number, in words.
        limit: above which it is suspicious.
        measure: returns the number, or None where it doesn't apply.
    """

    name: str
    what: str
    limit: float
    measure: Callable[[ExaminedBranch], float | None]

    def record(self, patient: ExaminedBranch) -> dict[str, object]:
        """Returns what the results say of it."""
        value = self.measure(patient)
        verdict = NOT_MEASURED
        if value is not None:
            verdict = SUSPICIOUS if value > self.limit else FINE
        return {
            "sign": self.name,
            "what": self.what,
            "value": value,
            "limit": self.limit,
            "verdict": verdict,
        }


class Examination:
    """Examines a model's branches.

    Args:
        model: the model.
        source: the images.
        evaluation: the batch size and the precision.
        checkup: how closely to look.
        signs: what to look for.
        distribution: the devices the model lives on.
        seed: of every draw.

    Raises:
        UserError: the model to transfer from is no bundle, or of other images.
    """

    def __init__(
        self,
        model: Model | ExternalModel,
        source: Source,
        evaluation: Evaluation,
        checkup: Checkup,
        signs: Sequence[Indicator],
        distribution: tf.distribute.Strategy,
        seed: int,
    ):
        worst_case = dataclasses.replace(evaluation, worst_case=True)
        self._judge = AttackRunner(model, source, worst_case, distribution, seed)
        self._model = model
        self._source = source
        self._evaluation = evaluation
        self._checkup = checkup
        self._signs = signs
        self._seed = seed
        self._other = None
        if checkup.transfer_from:
            self._other = _another(Path(checkup.transfer_from), source)
        self._indices = evaluation_indices(source, checkup.examples, seed)

    @property
    def cost(self) -> float:
        """About how many passes of an image a branch takes at most."""
        steps = self._checkup.steps
        passes = LOOK + (11 + 9 + 6 + self._checkup.restarts) * steps + self._checkup.queries / 3
        return passes * len(self._indices)

    def examine(self, branch: str, verdicts: OutcomeLog, work: Work) -> list[dict]:
        """Returns a record of each sign: its number, limit and verdict.

        Args:
            branch: of the model.
            verdicts: what is known already.
            work: the progress to report.
        """
        patient = ExaminedBranch(
            self._model,
            self._source,
            branch,
            self._checkup,
            self._judge,
            Outcomes(self._source, self._indices, verdicts, work, "doctor"),
            self._evaluation.dtype,
            self._seed,
            self._other,
        )
        return [sign.record(patient) for sign in self._signs]


def _another(path: Path, source: Source) -> ExternalModel:
    """Loads a bundle and tries it on a few of the images."""
    rule = "be a bundle, as python -m tfadv.export writes it"
    check(is_bundle(path), "Checkup.transfer_from", rule, str(path))
    model = external_models.load(path, None, None, "logits", None)
    external_checks.check(model, source)
    return model
