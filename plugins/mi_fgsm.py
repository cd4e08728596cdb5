"""The momentum iterative attack as a plugin."""

import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.pgd import PGD
from tfadv.errors import check
from tfadv.registry import ATTACKS, Schedule


@ATTACKS.register("mi_fgsm", paper="Dong et al., 2018")
class MIFGSM(PGD):
    """MI-FGSM: steps along a decaying sum of normalized gradients, by its sign in L∞.

    ``g ← μ·g + ∇/‖∇‖₁``, ``x ← x + α·sign(g)``, or in L2 ``x + α·g/‖g‖₂`` (the paper's
    equations 6 to 8). It starts at the image, and its step is ε/N.

    Args:
        epsilon: radius of the ball in pixels.
        steps: number of steps N (the authors' 10).
        decay: μ, of the sum at each step (the authors' 1).
        targeted: see `PGD`.
        ball: ``linf`` or ``l2``.
        jit_compile: see `PGD`.
    """

    title = "MI-FGSM"
    memory_slots = 1

    def __init__(
        self,
        epsilon: float | Schedule,
        steps: int = 10,
        decay: float = 1.0,
        targeted: bool = False,
        ball: str = "linf",
        jit_compile: bool | str = "auto",
    ):
        super().__init__(
            epsilon,
            steps,
            1 / max(steps, 1),
            "times_epsilon",
            targeted=targeted,
            ball=ball,
            jit_compile=jit_compile,
        )
        check(decay >= 0, "MIFGSM.decay", "be >= 0", decay)
        self.decay = decay

    def start(self, images, seeds):
        """Returns the images themselves."""
        return images

    def direction(self, gradient, memory):
        """Returns the steepest direction along the new sum, and the sum."""
        size = tf.reduce_sum(tf.abs(gradient), [1, 2, 3], keepdims=True)
        total = self.decay * memory[0] + tf.math.divide_no_nan(gradient, size)
        return BALLS[self.ball].steepest(total), (total,)

    def describe(self):
        """Returns PGD's record and μ."""
        return super().describe() | {"decay": self.decay}
