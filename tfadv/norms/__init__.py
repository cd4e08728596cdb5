"""Normalization layers, one a file."""

from tfadv.norms import batch_norm, group_norm, mixture_batch_norm  # noqa: F401  (they register)
from tfadv.norms.base import Norm
from tfadv.norms.mode import MAIN, NormMode
from tfadv.norms.policy import NormPolicy

__all__ = ["MAIN", "Norm", "NormMode", "NormPolicy"]
