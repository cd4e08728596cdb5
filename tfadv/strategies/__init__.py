"""Training strategies: what is in the loss."""

from tfadv.strategies import adversarial, logit_pairing, standard  # noqa: F401  (they register)
from tfadv.strategies.base import ADV, CLEAN, Network, Strategy

__all__ = ["ADV", "CLEAN", "Network", "Strategy"]
