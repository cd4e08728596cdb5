"""An attack to start from, and an overlay that evaluates with it."""

PLUGIN = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.registry import ATTACKS


@ATTACKS.register("{name}", paper="Authors, year")
class {part}(PGD):
    """PGD whose objective is the margin of the goal's logit.

    Args:
        epsilon: radius of the L∞ ball in pixels.
        steps: number of steps.
        step_size: of a step, in pixels.
        targeted: towards a wrong class, or away from the true one.
    """

    def __init__(
        self, epsilon: float, steps: int, step_size: float = 1.0, targeted: bool = True
    ):
        super().__init__(epsilon, steps, step_size, targeted=targeted)

    def objective(self, logits_fn, images, labels, draw):
        """Returns the loss [N] of logits [N, K] that the steps bring down."""

        def margin(logits):
            classes = logits.shape[-1]
            goal = self.goal(labels, classes, draw)
            mask = tf.one_hot(goal, classes)
            ours = tf.reduce_sum(mask * logits, -1)
            best_other = tf.reduce_max(logits - 1e9 * mask, -1)
            return best_other - ours if self.targeted else ours - best_other

        return margin
'''
GIN = """# Evaluates with {name} as well: an overlay for any recipe and scale.
import plugins.{name}
Evaluation.attacks = ('pgd10/pgd', 'pgd10/{name}')
"""
