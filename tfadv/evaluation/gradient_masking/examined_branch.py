"""One branch of a model under examination."""

from collections.abc import Callable

import numpy as np

from tfadv.attacks import Attack
from tfadv.evaluation.attack_runner import AttackRunner
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.outcome_log import Unit
from tfadv.evaluation.outcomes import Outcomes
from tfadv.models.classifier import Classifier
from tfadv.norms.mode import NormMode
from tfadv.pixels import LogitsFn
from tfadv.planning.evaluation_parts import EvaluationParts


class ExaminedBranch:
    """One branch of a model, and what attacks have found of it so far.

    Args:
        model: the model.
        parts: the images, how closely to look, the precision and the seed of every draw.
        branch: of the model.
        attack_runner: of the model; it counts every iterate.
        outcomes: of the images to look at.
        other: another model of the same images, if there is one.
    """

    def __init__(
        self,
        model: Classifier,
        parts: EvaluationParts,
        branch: str,
        attack_runner: AttackRunner,
        outcomes: Outcomes,
        other: Classifier | None = None,
    ):
        self.model = model
        self.source = parts.source
        self.mode = NormMode(branch)
        self.checkup = checkup = parts.checkup
        self.attack_runner = attack_runner
        self.outcomes = outcomes
        self.dtype = parts.evaluation.dtype
        self.seed = parts.seed
        self.other = other
        clean = outcomes.clean(branch, lambda portion: attack_runner.classify(self.mode, portion))
        self.right = np.flatnonzero(clean["prediction"] == outcomes.labels)
        survivors = self.robust("pgd", checkup.pgd(), self.right, checkup.lengths)
        self.after_half, self.remaining, self.after_ten_times = survivors

    def share(self, count: int) -> float:
        """Returns a number of images as a share of all."""
        return count / len(self.outcomes.labels)

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
            return self.attack_runner.attack(self.mode, run, restart, portion, seen)

        unit = Unit(self.mode.branch, run.name, restart)
        places, found = self.outcomes.fill(unit, attacked, attack.passes, places)
        if not len(places):
            return [places] * len(specs)
        right = found["prediction"] == self.outcomes.labels[places][:, None]
        return [np.sort(places[column]) for column in right.T]

    def beaten(self, name: str, attack: Attack, **arguments) -> float:
        """Returns the share of images that an attack beats of those that PGD left."""
        (remaining,) = self.robust(name, attack, self.remaining, **arguments)
        return self.lost(remaining)

    def lost(self, remaining: np.ndarray) -> float:
        """Returns the share of images that PGD left and are not among these."""
        return self.share(len(self.remaining) - len(remaining))

    def measure(self, name: str, on_batch: Callable, passes: float = 1.0) -> np.ndarray:
        """Returns a value of each image, by a function from (logits_fn, batch) to float32 [N]."""

        def measured(portion):
            def columns(logits_fn, batch, _):
                return {"value": on_batch(logits_fn, batch)}

            return self.attack_runner.by_batch((self.mode, name), self.mode, columns, portion)

        unit = Unit(self.mode.branch, f"doctor {name}")
        return self.outcomes.column(unit, measured, passes, "value")
