"""An optimizer to start from: one of Keras, with a weight decay of its own."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import keras

from tfadv.errors import check
from tfadv.registry import OPTIMIZERS

Schedule = keras.optimizers.schedules.LearningRateSchedule


@OPTIMIZERS.register("{name}", paper="Loshchilov & Hutter, 2019")
class {part}(keras.optimizers.AdamW):
    """Adam, and ``w ← w - lr·weight_decay·w`` of convolution and dense kernels.

    Args:
        learning_rate: a schedule over steps.
        beta_1: weight of the old mean gradient.
        beta_2: weight of the old mean square.
        weight_decay: what the rate takes off at each step; 0 for nothing.
    """

    def __init__(
        self,
        learning_rate: Schedule,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        weight_decay: float = 0.01,
    ):
        check(0 <= beta_1 < 1, "{part}.beta_1", "be in 0..1", beta_1)
        check(0 <= beta_2 < 1, "{part}.beta_2", "be in 0..1", beta_2)
        check(weight_decay >= 0, "{part}.weight_decay", "be >= 0", weight_decay)
        super().__init__(learning_rate, weight_decay, beta_1, beta_2, name="{name}")

    def build(self, variables):
        """Makes what it keeps of each weight; kernels alone decay."""
        self.exclude_from_weight_decay([one for one in variables if one.name != "kernel"])
        super().build(variables)
'''
GIN = """# Training by {name}: an overlay for any recipe and scale.
import plugins.{name}
Experiment.optimizer = '{name}'
{part}.weight_decay = 0.01
Training.weight_decay = 0.0 # of the loss
LearningRate.rate_per_256 = 0.02
LearningRate.warmup_start = 0.0
"""
