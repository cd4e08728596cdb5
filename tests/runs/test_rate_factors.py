"""By what a run's learning rate is multiplied: noted at its starts, and read there."""

import pytest
from shared.smoke_trainers import claimed, make_plan

from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.runs.rate_factors import KEY, check_factor, noted, with_asked


def test_a_factor_holds_from_its_step_on_until_another_is_asked_for():
    first = with_asked((), 100, 0.5)
    assert first == (RateFactor(100, 0.5),)
    assert with_asked(first, 140, None) == first
    assert with_asked(first, 140, 0.5) == first  # the same command again
    assert with_asked(first, 140, 0.1) == (*first, RateFactor(140, 0.1))
    assert with_asked(first, 100, 0.1) == (RateFactor(100, 0.1),)
    assert with_asked(first, 60, 0.5) == (RateFactor(60, 0.5),)  # its checkpoint was broken
    assert with_asked(first, 60, None) == first
    assert with_asked((), 60, 1.0) == ()


def test_the_starts_of_a_run_tell_its_factors(tmp_path):
    directory = claimed(tmp_path / "run")
    assert noted(directory) == ()
    expected = [
        (RateFactor(8, 0.5),),
        (RateFactor(8, 0.5), RateFactor(9, 0.2)),
        (RateFactor(7, 3),),
    ]
    for step, factor, factors in zip((8, 9, 7), (0.5, 0.2, 3), expected, strict=True):
        directory = claimed(tmp_path / "run")
        directory.note_start(**{KEY: {"from_step": step, "factor": factor}})
        assert noted(directory) == factors


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_factor_is_refused(factor):
    with pytest.raises(UserError, match="--learning_rate_factor must be > 0 and finite"):
        check_factor(factor)


def test_the_rate_is_multiplied_from_the_step_on():
    rate = make_plan("clean").learning_rate
    planned = [float(rate(step)) for step in range(5)]
    rate.factors = (RateFactor(2, 0.5), RateFactor(4, 0.1))
    expected = [one * factor for one, factor in zip(planned, (1, 1, 0.5, 0.5, 0.1), strict=True)]
    assert [float(rate(step)) for step in range(5)] == pytest.approx(expected)
