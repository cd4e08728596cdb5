"""Pictures of records, runs and models: each a function that returns a Matplotlib figure.

Whatever draws accuracies, images, losses or norms for a report, a notebook or TensorBoard
enters. A function takes a record as an evaluation writes it, a run's metrics, or a model with
images (float, 0..255) and labels, and knows nothing of pyplot. Its ``theme`` is
`style.LIGHT` or `style.DARK`; colours can be told apart by colour-blind readers.
"""

from tfadv.plots.accuracy import accuracy_against_epsilon, accuracy_curve, corruptions
from tfadv.plots.calibration import reliability
from tfadv.plots.classes import confusion
from tfadv.plots.gradients import input_gradients
from tfadv.plots.norms import norm_statistics
from tfadv.plots.strips import adversarial_strip
from tfadv.plots.surfaces import loss_surface
from tfadv.plots.training import training_curves

__all__ = [
    "accuracy_against_epsilon",
    "accuracy_curve",
    "adversarial_strip",
    "confusion",
    "corruptions",
    "input_gradients",
    "loss_surface",
    "norm_statistics",
    "reliability",
    "training_curves",
]
