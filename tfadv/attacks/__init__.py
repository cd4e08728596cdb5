"""Attacks, one per file, and the threat model they keep to.

An attack enters as a file that registers it; it sees a function from images to logits,
and nothing of the model, the training or the evaluation behind it.
"""

from tfadv.attacks import apgd, apgd_targeted, autoattack, fab, fgsm, pgd, square  # noqa: F401  (they register)
from tfadv.attacks.base import Attack
from tfadv.pixels import PIXEL_RANGE

__all__ = ["PIXEL_RANGE", "Attack"]
