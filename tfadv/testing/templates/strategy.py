"""A training strategy to start from."""

PLUGIN = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, CLEAN, Strategy


@STRATEGIES.register("{name}", paper="Authors, year")
class {part}(Strategy):
    """Clean and adversarial images at a weight.

    Args:
        adversarial_weight: of the adversarial images' mean loss, in 0..1.
        label_smoothing: of both losses.
    """

    branches = (CLEAN, ADV)

    def __init__(self, adversarial_weight: float = 0.5, label_smoothing: float = 0.1):
        super().__init__(label_smoothing)
        self.adversarial_weight = adversarial_weight

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the images of the loss, by branch; see `Strategy.training_images`."""
        return {{CLEAN: images, ADV: attack(network.attack_logits_fn(), images, labels, seeds)}}

    def loss(self, logits, labels):
        """Returns the scalar loss of logits [N, K] by branch."""
        losses = self.branch_losses(logits, labels)
        clean, adversarial = tf.reduce_mean(losses[CLEAN]), tf.reduce_mean(losses[ADV])
        return clean + self.adversarial_weight * (adversarial - clean)
'''
GIN = """# Training with {name}.
import plugins.{name}
include 'gin/base.gin'
Experiment.norm = 'mixture_batch_norm'
Experiment.strategy = '{name}'
{part}.adversarial_weight = 0.5
"""
