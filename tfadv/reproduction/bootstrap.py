"""How far a difference of accuracies can be trusted: a bootstrap over seeds and images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DRAWS = 4000
LEVEL = 0.95


class Interval(NamedTuple):
    """An effect and its 95% interval, in the units of what was measured."""

    effect: float
    low: float
    high: float


def bootstrap(by_seed: Sequence[np.ndarray]) -> Interval:
    """Returns the mean over seeds of means over images, and its percentile interval.

    Each draw takes as many seeds as there are, with replacement, and of each seed taken as
    many images as it has, with replacement (a two-stage bootstrap: Davison & Hinkley,
    1997, section 3.8). With one seed the interval knows nothing of other seeds.

    Args:
        by_seed: what each image of each seed contributes, floats [N_s], N_s > 0.
    """
    rng = np.random.default_rng(0)  # the same data, the same interval
    seeds = len(by_seed)
    chosen = rng.integers(seeds, size=(DRAWS, seeds))
    means = np.empty((DRAWS, seeds))
    for number, values in enumerate(map(np.asarray, by_seed)):
        places = np.nonzero(chosen == number)
        means[places] = _resampled_means(values, len(places[0]), rng)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means.mean(axis=1), (tail, 1 - tail))
    return Interval(
        float(np.mean([np.mean(values) for values in by_seed])), float(low), float(high)
    )


def _resampled_means(values: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `count` means of as many draws from `values` as it has elements.

    A mean of draws is a sum over the distinct values, of which there are few, weighted by
    how often each was drawn: a multinomial.
    """
    distinct, frequency = np.unique(values, return_counts=True)
    drawn = rng.multinomial(len(values), frequency / len(values), size=count)
    return drawn @ distinct / len(values)
