"""Training strategies, one per file: which images are in the loss, and how.

A strategy enters as a file that registers it; it knows no loop and no evaluation.
"""

from tfadv.norms.mode import ADV, CLEAN
from tfadv.strategies import adversarial, logit_pairing, standard  # noqa: F401  (they register)
from tfadv.strategies.base import BatchStrategy, SingleUpdate, Strategy
from tfadv.strategies.batch import Batch
from tfadv.strategies.named_attacks import kinds_of_attacks
from tfadv.strategies.network import Network
from tfadv.strategies.step import Gradients, Step

__all__ = [
    "ADV",
    "CLEAN",
    "Batch",
    "BatchStrategy",
    "Gradients",
    "Network",
    "SingleUpdate",
    "Step",
    "Strategy",
    "kinds_of_attacks",
]
