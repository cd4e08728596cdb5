"""Attacks, one in each file, and what they share: balls, objectives, the threat model.

An attack sees a function from images to logits. Models, data and evaluation stay outside.
"""

from tfadv.attacks import (  # noqa: F401  (they register)
    apgd,
    apgd_targeted,
    apgd_training,
    autoattack,
    fab,
    fgsm,
    pgd,
    square,
)
from tfadv.attacks.base import Attack
from tfadv.pixels import PIXEL_RANGE

__all__ = ["PIXEL_RANGE", "Attack"]
