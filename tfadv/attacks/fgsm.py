"""The fast gradient sign method."""

import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.registry import ATTACKS
from tfadv.registry.schedule import Schedule


@ATTACKS.register("fgsm", paper="Goodfellow et al., 2015")
class FGSM(PGD):
    """FGSM: one step of ε from the image (Goodfellow et al., 2015, section 4).

    ``x′ = Π(x + ε·sign ∇ₓ L(z(x), y))``, and towards a target t ``x′ = Π(x - ε·sign ∇ₓ
    L(z(x), t))``. In L2 the step is ``ε·g/‖g‖₂``.

    Args:
        epsilon: radius of the ball in pixels.
        targeted: see `PGD`.
        loss: see `PGD`.
        ball: see `PGD`.
        jit_compile: see `PGD`.
    """

    def __init__(
        self,
        epsilon: float | Schedule,
        targeted: bool = False,
        loss: str = "cross_entropy",
        ball: str = "linf",
        jit_compile: bool | str = "auto",
    ):
        super().__init__(
            epsilon, 1, 1.0, "times_epsilon", targeted, loss, ball, jit_compile=jit_compile
        )

    def start(self, images: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns the images themselves."""
        return images
