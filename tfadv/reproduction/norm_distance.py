"""How far apart two sets of a norm's statistics are, in units that suit every norm.

A convolution's scale is nobody's choice, since the norm behind it takes it out again: a
difference of two means says something beside the spread of what was averaged, and a
variance beside another one. So the measures are

- of means, ``|μ - μ'| / √((σ² + σ'²) / 2)``, in standard deviations (Cohen's d), and
- of variances, ``log₂(σ² / σ'²)``, in doublings.

Both stay what they are if a kernel is multiplied by any number, its sign included.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfadv.norms.mode import ADV, CLEAN

Measure = Callable[[Mapping, Mapping], np.ndarray]


def mean_distance(one: Mapping, other: Mapping) -> np.ndarray:
    """Returns how far the means are from each other, in standard deviations, float64 [C].

    Channels without variance, which hold one value for all images, are left out.
    """
    means, variances = _with_variance(one, other)
    return np.abs(means[0] - means[1]) / np.sqrt(variances.mean(0))


def variance_doublings(one: Mapping, other: Mapping) -> np.ndarray:
    """Returns how often the other's variance must be doubled to be this one's, float64 [C].

    Channels without variance are left out.
    """
    _, variances = _with_variance(one, other)
    return np.log2(variances[0]) - np.log2(variances[1])


def variance_distance(one: Mapping, other: Mapping) -> np.ndarray:
    """Returns how far the variances are from each other, in doublings, float64 [C]."""
    return np.abs(variance_doublings(one, other))


def beyond_batches(statistics: Mapping, measure: Measure) -> np.ndarray:
    """Returns how much further the branches are apart than batches of one branch.

    Running statistics average many batches and two batches differ by chance alone, so what
    is above zero is more than chance.

    Args:
        statistics: as `norm_statistics.record` returns them.
        measure: a distance.

    Returns:
        Of each norm with a clean and an adversarial branch the median over the channels,
        less the mean of the same of two batches of each branch, float64 [L].
    """
    return np.array(
        [
            _median(measure, *_running(norm))
            - np.mean([_median(measure, *batches) for batches in _batches(norm)])
            for norm in _with_both(statistics)
            if len(_batches(norm)) == 2
        ]
    )


def share_larger(statistics: Mapping, what: str) -> np.ndarray:
    """Returns which share of the channels have the larger value in the adversarial branch.

    Args:
        statistics: as `norm_statistics.record` returns them.
        what: 'variance', or 'mean', whose magnitudes are compared.

    Returns:
        Of each norm with a clean and an adversarial branch, in 0..1, float64 [L]; channels
        that are equal count half.
    """
    found = []
    for norm in _with_both(statistics):
        adversarial, clean = (np.abs(moments[what]) for moments in _running(norm))
        found.append(np.mean((adversarial > clean) + 0.5 * (adversarial == clean)))
    return np.array(found)


def _with_both(statistics: Mapping) -> list[Mapping]:
    return [norm for norm in statistics["norms"] if {CLEAN, ADV} <= norm["running"].keys()]


def _running(norm: Mapping) -> tuple[Mapping, Mapping]:
    return norm["running"][ADV], norm["running"][CLEAN]


def _batches(norm: Mapping) -> list[Sequence[Mapping]]:
    return [norm["batches"][branch] for branch in (ADV, CLEAN) if norm["batches"].get(branch)]


def _median(measure: Measure, one: Mapping, other: Mapping) -> float:
    """Returns the median, which a few odd channels don't move; 0 where no channel is left."""
    values = measure(one, other)
    return float(np.median(values)) if len(values) else 0.0


def _with_variance(one: Mapping, other: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Returns means and variances, float64 [2, C], of the channels that have variance in both."""
    means, variances = (
        np.array([one[what], other[what]], np.float64) for what in ("mean", "variance")
    )
    kept = (variances > 0).all(0)
    return means[:, kept], variances[:, kept]
