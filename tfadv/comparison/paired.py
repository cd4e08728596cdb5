"""Whether two accuracies differ by more than chance."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.stats

LEVEL = 0.05
UNPAIRED, UNSURE, SURE = "not tested", "no difference shown", "different"


class Difference(NamedTuple):
    """Two accuracies under the same attack, or under none.

    Attributes:
        change: of the second, less the first, a fraction.
        apart: whether their 95% intervals have nothing in common.
        only_first: images that the first alone classifies right, None where images are not known.
        only_second: likewise.
        p: McNemar's, None where images are not known.
    """

    change: float
    apart: bool
    only_first: int | None = None
    only_second: int | None = None
    p: float | None = None

    @property
    def verdict(self) -> str:
        """What McNemar's test says at the level of 5%."""
        if self.p is None:
            return UNPAIRED
        return SURE if self.p < LEVEL else UNSURE


def difference(
    first: Mapping, second: Mapping, right: tuple[np.ndarray, np.ndarray] | None = None
) -> Difference:
    """Compares two accuracies.

    Args:
        first: ``accuracy`` and ``ci95`` of a record.
        second: likewise.
        right: which of the same images each classifies right, bool [N] both, where it is known.
    """
    change = second["accuracy"] - first["accuracy"]
    apart = first["ci95"][1] < second["ci95"][0] or second["ci95"][1] < first["ci95"][0]
    if right is None:
        return Difference(change, apart)
    only_first, only_second = np.sum(right[0] & ~right[1]), np.sum(right[1] & ~right[0])
    p = mcnemar(only_first, only_second)
    return Difference(change, apart, int(only_first), int(only_second), p)


def mcnemar(only_first: int, only_second: int) -> float:
    """Returns the two-sided p of McNemar's exact test (McNemar, 1947).

    Were both equally good, each image that one alone classifies right would be either's with
    probability ½: ``p = P(|X - n/2| ≥ |b - n/2|)``, X ~ Binomial(n, ½), n = b + c.

    Args:
        only_first: b, images that the first alone classifies right.
        only_second: c, likewise.
    """
    count = int(only_first) + int(only_second)
    return float(scipy.stats.binomtest(int(only_first), count).pvalue) if count else 1.0
