"""AutoAttack (Croce & Hein, 2020): four attacks in sequence, with nothing to tune."""

from collections.abc import Mapping

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.apgd import APGD
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.base import Attack
from tfadv.attacks.fab import FABTargeted
from tfadv.attacks.square import Square
from tfadv.errors import UserError
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS


@ATTACKS.register("autoattack", paper="Croce & Hein, 2020")
class AutoAttack(Attack):
    """The standard AutoAttack: APGD-CE, APGD-T, FAB-T and Square.

    An image is robust if all four fail: each attacks what the ones before it left.
    An evaluation runs the stages one after another on ever fewer images; called as a
    function, it runs each on the whole batch. Order and defaults are those of the
    authors' standard version.

    Args:
        epsilon: radius of the ball in pixels.
        ball: ``linf`` or ``l2``.
        steps: of the first three (AutoAttack: 100).
        classes: how many wrong classes the second and third try (AutoAttack: 9).
        queries: of the last (AutoAttack: 5000).
        jit_compile: see `PGD`.
    """

    def __init__(
        self,
        epsilon: float,
        ball: str = "linf",
        steps: int = 100,
        classes: int = 9,
        queries: int = 5000,
        jit_compile: bool | str = "auto",
    ):
        self.epsilon = float(epsilon)
        self.ball = ball
        common = {"ball": ball, "jit_compile": jit_compile}
        self._stages = {
            "apgd": APGD(epsilon, steps, **common),
            "apgd_targeted": APGDTargeted(epsilon, steps, classes=classes, **common),
            "fab_targeted": FABTargeted(epsilon, steps, classes=classes, **common),
            "square": Square(epsilon, queries, **common),
        }

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

    def check_classes(self, classes: int) -> None:
        """Raises `UserError` for fewer than 4, among which APGD-T's loss can't compare."""
        if classes < 4:
            raise UserError(
                f"AutoAttack's APGD-T needs 4 classes or more, and there are {classes}: take "
                "Evaluation.attacks = ('apgd', 'fab_targeted', 'square') and "
                "Evaluation.worst_case = True",
                "Evaluation.attacks",
            )

    @property
    def passes(self) -> float:
        """Those of all stages."""
        return sum(attack.passes for attack in self._stages.values())

    def stages(self) -> Mapping[str, Attack]:
        """Returns the four attacks, in their order."""
        return self._stages

    def describe(self) -> dict[str, object]:
        """Returns the radius and the ball."""
        return super().describe() | {"epsilon": self.epsilon, "ball": self.ball}
