"""Noise against its distribution."""

import numpy as np
import pytest
from shared.corrupting import corrupt


def test_shot_noise_is_poissons():
    counts = corrupt("shot_noise", 5, np.full((64, 64, 3), 102.0)) * 50 / 255
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)
    assert counts.mean() == pytest.approx(20, rel=0.02)
    assert counts.var() == pytest.approx(20, rel=0.05)
    np.testing.assert_array_equal(corrupt("shot_noise", 5, np.zeros((8, 8, 3))), 0)


def test_impulse_noise_is_salt_and_pepper():
    found = corrupt("impulse_noise", 5, np.full((96, 96, 3), 100.0))
    for value, share in ((0, 0.135), (255, 0.135), (100, 0.73)):
        assert np.mean(np.abs(found - value) < 1e-3) == pytest.approx(share, abs=0.01)
