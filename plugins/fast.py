"""Fast adversarial training as a plugin: one large step from a random start."""

from tfadv.attacks.pgd import PGD
from tfadv.errors import check
from tfadv.registry import STRATEGIES, Schedule
from tfadv.strategies.adversarial import Adversarial


@STRATEGIES.register("fast", paper="Wong et al., 2020")
class Fast(Adversarial):
    """Fast AT: an untargeted FGSM step from a uniform start, in the run's threat model.

    Args:
        step_ratio: α / ε (the authors' 1.25).
        clean_ratio: share of the clean images kept (the authors' 0).
        clean_weight: weight of the clean images' mean loss.
        label_smoothing: of the adversarial images' loss.
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    attack_settings = ("epsilon",)

    def __init__(
        self,
        step_ratio: float | Schedule = 1.25,
        clean_ratio: float = 0.0,
        clean_weight: float | Schedule | None = None,
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(clean_ratio, clean_weight, label_smoothing, clean_label_smoothing)
        check(step_ratio > 0, "Fast.step_ratio", "be > 0", step_ratio)
        self.step_ratio = step_ratio

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the images of one step; see `Strategy.training_images`."""
        step = PGD.within(
            attack.threat_model,
            steps=1,
            step_size=self.step_ratio * attack.epsilon,
            targeted=False,
            jit_compile=attack.jit_compile,
        )
        return super().training_images(network, step, images, labels, seeds)
