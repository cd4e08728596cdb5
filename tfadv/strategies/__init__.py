"""Training strategies, one per file: which images are in the loss, and how.

A strategy enters as a file that registers it; it knows no loop and no evaluation.
"""

from tfadv.norms.mode import ADV, CLEAN
from tfadv.strategies import adversarial, logit_pairing, standard  # noqa: F401  (they register)
from tfadv.strategies.base import Strategy
from tfadv.strategies.network import Network

__all__ = ["ADV", "CLEAN", "Network", "Strategy"]
