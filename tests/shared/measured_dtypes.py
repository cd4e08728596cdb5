"""A machine whose speed in each dtype takes no time to measure."""

from tfadv.devices.local import computing_device
from tfadv.planning.dtype_choice import Measured

TRAINING, ATTACK, EVALUATION = AUTO = (
    "Training.dtype = 'auto'",
    "Training.attack_dtype = 'auto'",
    "Evaluation.dtype = 'auto'",
)


class Machine:
    """What tests measure on.

    Attributes:
        faster: the dtype that is faster, twice as fast.
        device: its name.
        asked: what was measured, oldest first.
    """

    def __init__(self):
        self.faster = "bfloat16"
        self.device = computing_device()
        self.asked = []

    def measured(self, trial):
        """Returns the times of a trial."""
        self.asked.append(trial.what)
        seconds = {"float32": 0.2, "bfloat16": 0.2, self.faster: 0.1}
        return Measured(trial.what, trial.images, seconds, "CPU time", self.device, "2026-11-29")
