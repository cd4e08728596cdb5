"""The bootstrap's intervals, against closed forms."""

import numpy as np
import pytest

from tfadv.reproduction.bootstrap import bootstrap


def test_with_one_seed_it_is_the_normal_interval_of_a_share():
    right = np.arange(1000) < 300
    found = bootstrap([right])
    assert found.effect == pytest.approx(0.3)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert found.low == pytest.approx(0.3 - half, abs=0.003)
    assert found.high == pytest.approx(0.3 + half, abs=0.003)


def test_paired_values_that_agree_leave_no_doubt():
    assert bootstrap([np.full(50, 0.25)] * 3) == (0.25, 0.25, 0.25)


def test_images_and_seeds_both_count():
    """Variance of a mean over seeds of means: between the seeds, and within each."""
    rng = np.random.default_rng(1)
    by_seed = [rng.normal(mean, 1.0, 400) for mean in np.linspace(-0.3, 0.3, 20)]
    means = [values.mean() for values in by_seed]
    variance = np.var(means) / 20 + np.mean([v.var() / 400 for v in by_seed]) / 20
    found = bootstrap(by_seed)
    assert found.effect == pytest.approx(np.mean(means))
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.05)


def test_the_same_data_have_the_same_interval():
    values = [np.arange(10.0), np.arange(7.0)]
    assert bootstrap(values) == bootstrap(values)
