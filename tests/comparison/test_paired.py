"""McNemar's exact test, by the binomial distribution written out."""

import math

import numpy as np
import pytest

from tfadv.comparison.paired import difference, mcnemar


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (3, 3), (10, 2), (2, 10), (41, 60)])
def test_p_is_twice_the_smaller_tail(b, c):
    n = b + c
    tail = sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n
    assert mcnemar(b, c) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


def share(accuracy, low, high):
    return {"accuracy": accuracy, "ci95": [low, high]}


def test_a_difference_of_the_same_images():
    first = np.array([True] * 6 + [False] * 14)
    second = np.array([False] * 5 + [True] + [False] * 13 + [True])
    found = difference(share(0.3, 0.1, 0.5), share(0.1, 0.0, 0.3), (first, second))
    assert (found.only_first, found.only_second) == (5, 1)
    assert found.change == pytest.approx(-0.2) and not found.apart
    assert found.p == pytest.approx(2 * 7 / 64) and found.verdict == "no difference shown"
    sure = difference(share(0.5, 0, 1), share(0.5, 0, 1), (np.ones(9, bool), np.zeros(9, bool)))
    assert sure.p == pytest.approx(2 / 2**9) and sure.verdict == "different"


@pytest.mark.parametrize(("low", "apart"), [(0.49, False), (0.5, False), (0.51, True)])
def test_without_the_images_intervals_alone_are_compared(low, apart):
    for ends in ((share(0.4, 0.3, 0.5), share(0.6, low, 0.8)),):
        found = difference(*ends)
        assert found.apart is difference(*ends[::-1]).apart is apart
        assert found.p is None and found.verdict == "not tested"
