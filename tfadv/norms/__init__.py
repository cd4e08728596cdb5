"""Normalization layers, one per file, and how they act in a call and over a run.

A norm enters as a file that registers it; what trains or attacks it does not.
"""

from tfadv.norms import (  # noqa: F401  (they register)
    batch_norm,
    group_norm,
    layer_norm,
    mixture_batch_norm,
)
from tfadv.norms.base import Norm
from tfadv.norms.mode import MAIN, NormMode
from tfadv.norms.policy import NormPhase, NormPolicy

__all__ = ["MAIN", "Norm", "NormMode", "NormPhase", "NormPolicy"]
