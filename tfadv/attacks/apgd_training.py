"""Auto-PGD of a few steps, to train against (Singh et al., 2023)."""

import tensorflow as tf

from tfadv.attacks.apgd import APGD
from tfadv.errors import check
from tfadv.losses import cross_entropy
from tfadv.registry import ATTACKS


@ATTACKS.register("apgd_training", paper="Singh et al., 2023; Croce & Hein, 2020")
class APGDTraining(APGD):
    """`APGD` from the image itself, which returns the iterate with the highest loss.

    It climbs the cross-entropy of hard or soft labels. In two steps no step size is halved: both
    are 2ε long, projected, the second with momentum.

    Args:
        epsilon: radius of the ball in pixels.
        steps: number of steps (the authors': 2).
        ball: ``linf`` or ``l2``.
        label_smoothing: of the loss that it climbs.
        jit_compile: see `PGD`.
        expectation_samples: see `APGD`.
    """

    takes_soft_labels = True

    def __init__(
        self,
        epsilon: float,
        steps: int = 2,
        ball: str = "linf",
        label_smoothing: float = 0.0,
        jit_compile: bool | str = "auto",
        expectation_samples: int = 1,
    ):
        super().__init__(epsilon, steps, "cross_entropy", ball, 1, jit_compile, expectation_samples)
        in_range = 0 <= label_smoothing < 1
        check(in_range, f"{type(self).__name__}.label_smoothing", "be in 0..1", label_smoothing)
        self.label_smoothing = label_smoothing

    @property
    def title(self) -> str:
        """APGD, as it is trained against."""
        return "APGD in training"

    def describe(self) -> dict[str, object]:
        """Returns APGD's record and the smoothing."""
        return super().describe() | {"label_smoothing": self.label_smoothing}

    def losses(self, logits, labels, targets):
        return cross_entropy(logits, labels, self.label_smoothing)

    def start(self, images, seeds):
        return tf.identity(images)

    def _result(self, last, found, fooled):
        return last.best
