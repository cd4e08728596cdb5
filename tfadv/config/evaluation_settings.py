"""What gin says of a measurement: the attacks, what counts, and how closely to look."""

import contextlib
import dataclasses
from inspect import signature

from tfadv.attacks import Attack
from tfadv.attacks.pgd import PGD
from tfadv.attacks.threat_model import BALL_NAMES, ThreatModel
from tfadv.config.training_settings import AUTO, DTYPES
from tfadv.data.corruptions.corrupted import CORRUPTIONS
from tfadv.errors import check, check_choice
from tfadv.registry import ATTACKS, EVALUATION_SCOPE, bound_value, configurable, configured, scoped


@configurable
@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How to measure a model.

    Attributes:
        attacks: attacks to run, ``name`` or ``scope/name``, built in the gin
            scope ``eval``: ``pgd100/pgd`` takes ``eval/pgd100/PGD.steps``.
        batch_size: images at once over all replicas.
        examples: how many test images, drawn by the experiment's seed; None
            takes all.
        dtype: of the convolutions, 'float32', 'bfloat16', or 'auto', the one that is faster
            where the run or the evaluation begins: see `planning.precision`.
        trajectory: ``shared``: attacks that differ in their number of steps alone
            take their iterates from one run, the longest's; ``independent``:
            each has starts and targets of its own, as in the paper.
        restarts: how often to run each attack; an image that one has beaten is
            not attacked again.
        worst_case: whether an image is robust only if no attack of the list, in
            their order, no restart and no iterate of PGD was ever misclassified.
            Beaten images leave the batch. False judges each attack alone, by the
            image that it returns.
        radii: multiples of ε at which the first attack is run as well, its step in
            proportion.
        corruptions: common corruptions (Hendrycks & Dietterich, 2019) to classify
            the images under, each at its five severities.
        corrupted_images: a folder of such images on disk, KIND/SEVERITY/CLASS/* as in
            ImageNet-C, from which they are read instead of made.
        classes: ``all``, or ``occurring``: the logits of classes of which there is no test
            image are left out, as is usual with ImageNet-A and -R.
        doctor: whether to look for signs of masked gradients, as `Checkup` says.
    """

    attacks: tuple[str, ...]
    batch_size: int
    examples: int | None = None
    dtype: str = "float32"
    trajectory: str = "shared"
    restarts: int = 1
    worst_case: bool = False
    radii: tuple[float, ...] = ()
    corruptions: tuple[str, ...] = ()
    corrupted_images: str | None = None
    classes: str = "all"
    doctor: bool = False

    def __post_init__(self):
        check_choice("Evaluation.trajectory", self.trajectory, ("shared", "independent"))
        for name in ("batch_size", "restarts"):
            check(getattr(self, name) >= 1, f"Evaluation.{name}", "be >= 1", getattr(self, name))
        some = self.examples is None or self.examples >= 1
        check(some, "Evaluation.examples", "be None or >= 1", self.examples)
        check(all(factor > 0 for factor in self.radii), "Evaluation.radii", "be > 0", self.radii)
        named = self.corrupted_images != ""
        check(named, "Evaluation.corrupted_images", "be None or a folder", self.corrupted_images)
        check_choice("Evaluation.classes", self.classes, ("all", "occurring"))
        for kind in self.corruptions if self.corrupted_images is None else ():
            check_choice("Evaluation.corruptions", kind, CORRUPTIONS)
        check_choice("Evaluation.dtype", self.dtype, (*DTYPES, AUTO))

    def build_checkup(self) -> "Checkup | None":
        """Builds how closely to look for masked gradients; None where that isn't asked for."""
        with scoped(EVALUATION_SCOPE):
            return configured(Checkup) if self.doctor else None

    def build_attacks(self) -> dict[str, Attack]:
        """Builds the attacks, by the specs that name them, as ``2/pgd`` where ε is twice its own.

        Raises:
            UserError: there is no such attack, a parameter is wrong, or the first
                one has no ε to multiply.
        """
        with scoped(EVALUATION_SCOPE):
            built = {spec: build_attack(spec, "Evaluation.attacks") for spec in self.attacks}
            if self.radii:
                spec = next(iter(built), "")
                for factor in self.radii:
                    changed = _times(factor, built.get(spec))
                    built[f"{factor:g}/{spec}"] = ATTACKS.build(spec, **changed)
            return built


def build_attack(spec: str, parameter: str) -> Attack:
    """Builds an attack from its bindings, in the threat model that is bound.

    Args:
        spec: ``name`` or ``scope/name``.
        parameter: the gin parameter that chose it, for the error.

    Raises:
        UserError: there is no such attack, it knows no such ball, or a parameter is wrong.
    """
    attack = ATTACKS.build(spec, parameter)
    scope = spec.rpartition("/")[0]
    with scoped(scope) if scope else contextlib.nullcontext():
        attack.check_ball(bound_value("PGD.ball"))
    return attack


def _times(factor: float, attack: Attack | None) -> dict[str, float]:
    """Returns an attack's lengths in pixels, multiplied."""
    rule = "multiply the ε of the first attack, which has one"
    check(hasattr(attack, "epsilon"), "Evaluation.radii", rule, type(attack).__name__)
    # Where the step follows from ε, the constructor takes none.
    taken = signature(type(attack)).parameters
    return {n: factor * getattr(attack, n) for n in ("epsilon", "step_size") if n in taken}


@configurable
@dataclasses.dataclass(frozen=True)
class Checkup:
    """How closely to look.

    Attributes:
        epsilon: radius of the ball in pixels; unbound, the attacks' own.
        ball: ``linf`` or ``l2``; likewise.
        examples: how many of the test images.
        steps: N of the PGD that all else is compared with: untargeted, by the
            cross-entropy, α = ε/16, every iterate counted.
        restarts: of it.
        queries: of the black box.
        transfer_from: a bundle (``python -m tfadv.export``) of another model to
            attack in this one's place, beside a small imitation of it.
    """

    borrows = ("PGD.epsilon", "PGD.ball")

    epsilon: float
    ball: str = "linf"
    examples: int = 200
    steps: int = 100
    restarts: int = 5
    queries: int = 1000
    transfer_from: str | None = None

    def __post_init__(self):
        check(self.epsilon > 0, "Checkup.epsilon", "be > 0 (pixels of 0..255)", self.epsilon)
        check_choice("Checkup.ball", self.ball, BALL_NAMES)
        check(self.steps >= 2, "Checkup.steps", "be >= 2", self.steps)
        for name in ("examples", "restarts", "queries"):
            check(getattr(self, name) >= 1, f"Checkup.{name}", "be >= 1", getattr(self, name))

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Half of the steps, the steps, and ten times as many."""
        return self.steps // 2, self.steps, 10 * self.steps

    @property
    def threat_model(self) -> ThreatModel:
        """The ball that is searched."""
        return ThreatModel(self.epsilon, self.ball)

    def pgd(self, threat_model: ThreatModel | None = None) -> PGD:
        """Returns the attack that all else is compared with, or one in another ball."""
        ball = threat_model or self.threat_model
        return PGD.within(ball, self.steps, ball.epsilon / 16, targeted=False)
