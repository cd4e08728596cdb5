"""AutoAttack (Croce & Hein, 2020): four attacks in sequence, with nothing to tune."""

import copy
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.apgd import APGD
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.base import Attack
from tfadv.attacks.fab import FABTargeted
from tfadv.attacks.square import Square
from tfadv.errors import check, check_choice
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS

# The authors' standard version: steps, classes and queries.
STANDARD = (100, 9, 5000)
STAGES = ("apgd", "apgd_targeted", "fab_targeted", "square")


@ATTACKS.register("autoattack", paper="Croce & Hein, 2020")
class AutoAttack(Attack):
    """The standard AutoAttack: APGD-CE, APGD-T, FAB-T and Square.

    An image is robust if all four fail: each attacks what the ones before it left.
    An evaluation runs the stages one after another on ever fewer images; called as a
    function, it runs each on the whole batch. Order and defaults are those of the
    authors' standard version; any order gives the same verdicts. A stage that can't be run
    is left out (`left_out`): APGD-T's loss compares four logits, so of three classes APGD-DLR
    takes its place, of two none.

    Args:
        epsilon: radius of the ball in pixels.
        ball: ``linf`` or ``l2``.
        steps: of the first three (AutoAttack: 100).
        classes: how many wrong classes the second and third try (AutoAttack: 9).
        queries: of the last (AutoAttack: 5000).
        jit_compile: see `PGD`.
        expectation_samples: of the first two, see `PGD`.
        order: of the four, by their names. Each has draws of its own, so an image that one of them
            beats is beaten in any order; what changes is how many images each has to attack.

    Raises:
        UserError: the order leaves one out, or has another name or one twice.
    """

    def __init__(
        self,
        epsilon: float,
        ball: str = "linf",
        steps: int = 100,
        classes: int = 9,
        queries: int = 5000,
        jit_compile: bool | str = "auto",
        expectation_samples: int = 1,
        order: Sequence[str] = STAGES,
    ):
        for stage in order:
            check_choice("AutoAttack.order", stage, STAGES)
        rule = f"name each of {', '.join(STAGES)} once"
        check(sorted(order) == sorted(STAGES), "AutoAttack.order", rule, tuple(order))
        self.epsilon = float(epsilon)
        self.ball = ball
        self.expectation_samples = expectation_samples
        self._of_standard_size = (steps, classes, queries) == STANDARD
        common = {"ball": ball, "jit_compile": jit_compile}
        auto = common | {"expectation_samples": expectation_samples}
        self._dlr = APGD(epsilon, steps, "dlr", **auto)
        stages: dict[str, Attack] = {
            "apgd": APGD(epsilon, steps, **auto),
            "apgd_targeted": APGDTargeted(epsilon, steps, classes=classes, **auto),
            "fab_targeted": FABTargeted(epsilon, steps, classes=classes, **common),
            "square": Square(epsilon, queries, **common),
        }
        self.order = tuple(order)
        self._stages = {stage: stages[stage] for stage in order}
        self._left_out: dict[str, str] = {}

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""
        found = images
        for name, attack in self._stages.items():
            fooled = self.succeeded(logits_fn(found), labels, seeds)
            again = attack(logits_fn, images, labels, randomness.for_purpose(seeds, name))
            found = tf.where(fooled[:, None, None, None], found, again)
        return found

    def for_classes(self, classes: int) -> "AutoAttack":
        """Returns it without the stages that can't compare so few; see `Attack.for_classes`."""
        found = copy.copy(self)
        if classes < 4 and "apgd_targeted" in self._stages:
            found = self._without("apgd_targeted", f"its loss needs 4 classes, not {classes}")
            place = list(self._stages).index("apgd_targeted")
            others = list(found._stages.items())
            others.insert(place, ("apgd_dlr", self._dlr))
            found._stages = dict(others)
        found._stages = {
            name: attack.for_classes(classes)
            for name, attack in found._stages.items()
            if attack is not self._dlr or classes == 3
        }
        return found

    def without_gradient(self) -> "AutoAttack":
        """Returns it without the stages that follow a model's gradient."""
        found = self
        for name, attack in self._stages.items():
            if attack.needs_gradient:
                found = found._without(name, "the model has no gradient by its images")
        return found

    def _without(self, stage: str, why: str) -> "AutoAttack":
        found = copy.copy(self)
        found._left_out = self._left_out | {stage: why}
        found._stages = {name: one for name, one in self._stages.items() if name != stage}
        return found

    @property
    def left_out(self) -> Mapping[str, str]:
        """The stages that are not run, and why."""
        return self._left_out

    @property
    def version(self) -> str:
        """``standard``, as the authors' version of that name, or ``custom``."""
        standard = self._of_standard_size and self.expectation_samples == 1
        return "standard" if standard and not self._left_out else "custom"

    @property
    def passes(self) -> float:
        """Those of all stages."""
        return sum(attack.passes for attack in self._stages.values())

    def stages(self) -> Mapping[str, Attack]:
        """Returns the attacks, in their order: four, unless some are left out."""
        return self._stages

    def describe(self) -> dict[str, object]:
        """Returns the version, the radius, the ball and the samples, and what is not usual.

        That is the stages left out, and another order.
        """
        names = ("version", "epsilon", "ball", "expectation_samples")
        found = super().describe() | {name: getattr(self, name) for name in names}
        found |= {} if self.order == STAGES else {"order": list(self.order)}
        return found | ({"left_out": dict(self._left_out)} if self._left_out else {})
