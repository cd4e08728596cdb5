"""How far apart statistics are, by hand and against what they don't depend on."""

import numpy as np
import pytest
from shared.norm_statistics import moments, norm, of_network, statistics

from tfadv.reproduction.norm_distance import (
    beyond_batches,
    mean_distance,
    share_larger,
    variance_distance,
    variance_doublings,
)


def test_distances_by_hand():
    one, other = moments([3, 0, -1], [4, 1, 8]), moments([1, 0, 1], [4, 4, 0.5])
    np.testing.assert_allclose(mean_distance(one, other), [1, 0, 2 / np.sqrt(4.25)])
    np.testing.assert_allclose(variance_doublings(one, other), [0, -2, 4])
    np.testing.assert_allclose(variance_distance(one, other), [0, 2, 4])
    np.testing.assert_allclose(variance_doublings(other, one), [0, 2, -4])


def test_a_convolution_s_scale_and_sign_say_nothing():
    random = np.random.default_rng(1)
    means, variances = random.normal(size=(2, 9)), random.uniform(0.5, 2, (2, 9))
    scale = random.normal(size=9) * 10 ** random.uniform(-3, 3, 9)
    pair = [moments(*parts) for parts in zip(means, variances, strict=True)]
    scaled = [
        moments(mean * scale, variance * scale**2)
        for mean, variance in zip(means, variances, strict=True)
    ]
    for measure in (mean_distance, variance_doublings):
        np.testing.assert_allclose(measure(*scaled), measure(*pair))
    ours, others = (
        statistics([norm("stem", {"clean": clean, "adv": adv}, {})])
        for clean, adv in (pair, scaled)
    )
    for what in ("mean", "variance"):
        np.testing.assert_array_equal(share_larger(ours, what), share_larger(others, what))


def test_channels_without_variance_are_left_out():
    one, other = moments([5, 1], [0, 1]), moments([5, 2], [1, 1])
    np.testing.assert_allclose(mean_distance(one, other), [1])
    np.testing.assert_allclose(variance_doublings(one, other), [0])
    dead = moments([5, 2], [0, 0])
    nothing = statistics([norm("stem", {"clean": dead, "adv": dead}, {"adv": [dead, dead]})])
    assert mean_distance(dead, dead).shape == (0,)
    assert len(beyond_batches(nothing, mean_distance)) == 0  # one branch's batches are no measure


def test_branches_are_beyond_chance_by_their_distance_less_that_of_batches():
    of = moments
    running = {"clean": of([0, 0, 0], [1, 1, 1]), "adv": of([1, 2, 9], [2, 2, 2])}
    batches = {
        "clean": [of([0, 0, 0], [1, 1, 1]), of([0.1, 0.2, 9], [2, 2, 2])],
        "adv": [of([0, 0, 0], [1, 1, 1]), of([0, 0, 0], [1, 1, 1])],
    }
    found = statistics([norm("stem", running, batches), norm("next", running, batches)])
    expected = (2 - 0.2 / 2) / np.sqrt(1.5)  # medians of the channels
    np.testing.assert_allclose(beyond_batches(found, mean_distance), [expected] * 2)
    np.testing.assert_allclose(beyond_batches(found, variance_distance), [1 - 0.5] * 2)


def test_shares_count_magnitudes_and_ties_half():
    clean, adv = moments([-2, 1, 1, 0], [1, 1, 1, 1]), moments([1, -2, 1, 3], [2, 1, 1, 0.5])
    found = statistics([norm("stem", {"clean": clean, "adv": adv}, {})])
    assert share_larger(found, "mean") == pytest.approx([2.5 / 4])
    assert share_larger(found, "variance") == pytest.approx([2 / 4])


def test_without_both_branches_there_is_nothing_to_compare():
    found = of_network(branches=("main",))
    assert len(share_larger(found, "mean")) == len(beyond_batches(found, mean_distance)) == 0
