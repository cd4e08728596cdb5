"""How weights move: optimizers, learning rates and moving averages.

What turns gradients and steps into updates enters; gradients come from elsewhere.
"""

from tfadv.optimization import keras_optimizers, optimizers, schedules  # noqa: F401  (they register)
