"""Free adversarial training as a plugin: one backward for the weights and the attack."""

import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.errors import check
from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, BatchStrategy


@STRATEGIES.register("free", paper="Shafahi et al., 2019")
class Free(BatchStrategy):
    """Free AT: m updates with each batch, whose perturbation climbs by the same gradients.

    Each replay updates the weights at x + δ, then ``δ ← Π(δ + α·sign ∇ₓ L)`` in the run's
    threat model, by the gradient of before the update (algorithm 1). m replays need m times
    fewer epochs.

    The authors begin a batch with the last one's δ, other images' noise. Here it begins with
    uniform noise of its own images, so that a step depends on no other: runs resume exactly,
    on any number of replicas.

    Args:
        replays: m (the authors' 4 on ImageNet, 8 on CIFAR-10).
        step_ratio: α / ε (theirs: 1).
        label_smoothing: of the loss (the authors use none).
    """

    branches = (ADV,)
    attack_settings = ("epsilon",)

    def __init__(self, replays: int = 4, step_ratio: float = 1.0, label_smoothing: float = 0.0):
        super().__init__(label_smoothing)
        check(replays >= 1, "Free.replays", "be >= 1", replays)
        check(step_ratio > 0, "Free.step_ratio", "be > 0", step_ratio)
        self.replays = replays
        self.step_ratio = step_ratio

    def run(self, step, batch):
        """Does m updates with the batch."""
        threat = step.attack.threat_model
        make_ball, alpha = BALLS[threat.ball], self.step_ratio * threat.epsilon

        def start(part, _):
            noise = make_ball.noise(part.seeds("attack"), part.images.shape[1:], threat.epsilon)
            return (), make_ball(part.images, threat.epsilon).project(part.images + noise)

        def replay(part, attacked):
            loss = self._loss_of(part)
            found, by_images = step.gradients_by_images({ADV: attacked}, loss, part)
            climbed = attacked + alpha * make_ball.steepest(by_images[ADV])
            return found, make_ball(part.images, threat.epsilon).project(climbed)

        _, attacked = step.each_portion(start, batch)
        for _ in range(self.replays):
            gradients, attacked = step.each_portion(replay, batch, attacked)
            step.update(gradients)

    def _loss_of(self, batch):
        return lambda logits: tf.reduce_mean(self.branch_losses(logits, batch.truth)[ADV])
