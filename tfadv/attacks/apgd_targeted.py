"""Auto-PGD towards each of the likeliest wrong classes in turn (Croce & Hein, 2020)."""

import tensorflow as tf

from tfadv.attacks.apgd import APGD
from tfadv.attacks.apgd_rows import APGDRows
from tfadv.attacks.base import towards_at_most
from tfadv.attacks.objectives import TOWARDS, likeliest_wrong
from tfadv.attacks.row_attack import RowAttack
from tfadv.errors import check
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS


@ATTACKS.register("apgd_targeted", paper="Croce & Hein, 2020")
class APGDTargeted(APGD):
    """AutoAttack's APGD-T: towards each of the likeliest wrong classes in turn.

    For each target t it is `APGD` that climbs ``DLR_t`` (or another loss of t), from a
    start of its own. Any wrong class counts as success, as for an untargeted attack.

    Args:
        epsilon: radius of the ball in pixels.
        steps: number of steps for each class (AutoAttack: 100).
        loss: ``dlr``, ``cross_entropy`` or ``margin``.
        ball: ``linf`` or ``l2``.
        classes: how many wrong classes to try (AutoAttack: 9), or all there are.
        jit_compile: see `PGD`.
        expectation_samples: see `APGD`.
    """

    towards_classes = True

    def __init__(
        self,
        epsilon: float,
        steps: int = 100,
        loss: str = "dlr",
        ball: str = "linf",
        classes: int = 9,
        jit_compile: bool | str = "auto",
        expectation_samples: int = 1,
    ):
        super().__init__(epsilon, steps, loss, ball, 1, jit_compile, expectation_samples)
        check(classes >= 1, f"{type(self).__name__}.classes", "be >= 1", classes)
        self.classes = classes

    @property
    def title(self) -> str:
        """APGD-T, whatever the loss."""
        return "APGD-T"

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""
        ranked = likeliest_wrong(logits_fn(images), labels, self.classes)
        return self._rounds(logits_fn, images, labels, seeds, tf.unstack(ranked, axis=1))

    def by_row(self, logits_fn: LogitsFn) -> RowAttack | None:
        """Returns the attack as images leave it one by one; None of an attack derived from it."""
        if not self.is_plain(APGDTargeted):
            return None
        return APGDRows(logits_fn, self, self.classes, towards_classes=True)

    @property
    def passes(self) -> float:
        """Those of every wrong class."""
        return (self.steps + 1.0) * self.expectation_samples * self.classes

    def for_classes(self, classes: int) -> "APGDTargeted":
        """Returns it towards no more wrong classes than there are; see `Attack.for_classes`."""
        return towards_at_most(super().for_classes(classes), classes - 1)

    def describe(self) -> dict[str, object]:
        """Returns APGD's record and the number of classes."""
        return super().describe() | {"classes": self.classes}

    def losses(self, logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return TOWARDS[self.loss](logits, labels, targets)
