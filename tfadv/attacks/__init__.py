"""Attacks, one a file."""

from tfadv.attacks import pgd  # noqa: F401  (it registers)
from tfadv.attacks.base import PIXEL_RANGE, Attack

__all__ = ["PIXEL_RANGE", "Attack"]
