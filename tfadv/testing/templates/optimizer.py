"""An optimizer to start from: one of Keras, with a weight decay of its own."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import keras

from tfadv.errors import check
from tfadv.registry import OPTIMIZERS

Schedule = keras.optimizers.schedules.LearningRateSchedule


@OPTIMIZERS.register("{name}", paper="Loshchilov & Hutter, 2019")
def {name}(
    learning_rate: Schedule, beta_1: float = 0.9, beta_2: float = 0.999, weight_decay: float = 0.01
) -> keras.optimizers.Optimizer:
    """Makes AdamW: Adam, and ``w ← w - lr·weight_decay·w`` of convolution and dense kernels.

    Args:
        learning_rate: a schedule over steps.
        beta_1: weight of the old mean gradient.
        beta_2: weight of the old mean square.
        weight_decay: share of the rate that is taken off; 0 for none.
    """
    check(0 <= beta_1 < 1, "{name}.beta_1", "be in 0..1", beta_1)
    check(0 <= beta_2 < 1, "{name}.beta_2", "be in 0..1", beta_2)
    check(weight_decay >= 0, "{name}.weight_decay", "be >= 0", weight_decay)
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay, beta_1, beta_2, name="{name}"
    )
    optimizer.exclude_from_weight_decay(var_names=["^(?!kernel$)"])  # all but kernels
    return optimizer
'''
GIN = """# Training by {name}: an overlay for any recipe and scale.
import plugins.{name}
Experiment.optimizer = '{name}'
{name}.weight_decay = 0.01
Training.weight_decay = 0.0 # of the loss
LearningRate.rate_per_256 = 0.02
LearningRate.warmup_start = 0.0
"""
