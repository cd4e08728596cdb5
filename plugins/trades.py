"""TRADES as a plugin: robustness as a distance between two predictions."""

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.errors import check, check_choice
from tfadv.losses import divergence
from tfadv.registry import STRATEGIES, Schedule
from tfadv.strategies import ADV, CLEAN, Strategy


class DivergencePGD(PGD):
    """PGD that drives the prediction away from the clean image's, from anywhere in the ball."""

    def objective(self, logits_fn, images, labels, draw):
        """Returns the negative divergence from the clean prediction, computed once."""
        clean = tf.stop_gradient(logits_fn(images))
        return lambda logits: -divergence(clean, logits)


class NearbyDivergencePGD(DivergencePGD):
    """The same from beside the image, as the authors have it."""

    START_DEVIATION = 0.255  # their 0.001 of 0..1, in pixels

    def start(self, images, seeds):
        """Returns the images with a little Gaussian noise."""
        seeds = randomness.for_purpose(seeds, "noise")
        return images + self.START_DEVIATION * randomness.normal(seeds, tuple(images.shape[1:]))


# Where the attack starts.
STARTS = {"nearby": NearbyDivergencePGD, "ball": DivergencePGD}


@STRATEGIES.register("trades", paper="Zhang et al., 2019")
class Trades(Strategy):
    """TRADES: CE of the clean images + β·KL(clean prediction ‖ adversarial prediction).

    Its attack takes ε, N and α from the run's, and climbs the divergence.
    A norm without branches normalizes both kinds as one batch, where the authors
    ran them one after the other.

    Args:
        beta: weight of the divergence (the authors' 1/λ = 6).
        label_smoothing: of the clean images' loss (the authors use none).
        start: of the attack: ``nearby``, from a little Gaussian noise, or anywhere in the
            ``ball``, uniformly (Gowal et al., 2020).
    """

    branches = (CLEAN, ADV)
    attack_settings = ("epsilon", "steps", "step_size")

    def __init__(
        self,
        beta: float | Schedule = 6.0,
        label_smoothing: float = 0.0,
        start: str = "nearby",
    ):
        super().__init__(label_smoothing)
        check(beta >= 0, "Trades.beta", "be >= 0", beta)
        check_choice("Trades.start", start, STARTS)
        self.beta = beta
        self.start = start

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the batch and its adversarial images."""
        climb = STARTS[self.start].within(
            attack.threat_model, attack.steps, attack.step_size, jit_compile=attack.jit_compile
        )
        adversarial = climb(network.attack_logits_fn(), images, labels, seeds)
        return {CLEAN: images, ADV: adversarial}

    def loss(self, logits, labels):
        """Returns the mean over the images."""
        clean = self.branch_losses({CLEAN: logits[CLEAN]}, labels)[CLEAN]
        return tf.reduce_mean(clean + self.beta * divergence(logits[CLEAN], logits[ADV]))
