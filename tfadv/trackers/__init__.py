"""What follows a run beside its own ``metrics.jsonl``: TensorBoard, MLflow, Weights & Biases.

Whatever hands numbers, pictures and texts of a run on to a program that draws them enters.
"""

from tfadv.trackers import mlflow, tensorboard, wandb  # noqa: F401  (they register)
from tfadv.trackers.base import TrackedRun, Tracker

__all__ = ["TrackedRun", "Tracker"]
