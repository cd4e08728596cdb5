"""Attacks, one a file."""

from tfadv.attacks import apgd, apgd_targeted, autoattack, fab, fgsm, pgd, square  # noqa: F401  (they register)
from tfadv.attacks.base import Attack
from tfadv.pixels import PIXEL_RANGE

__all__ = ["PIXEL_RANGE", "Attack"]
