"""By what a run's learning rate was multiplied on the way, and from which step on.

The configuration of a run stays as it is. That it went on with another rate is noted at
the start that asked for it, in ``run.json``, and every later start reads it there.
"""

import math

from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.runs.run_directory import RunDirectory

KEY = "learning_rate_factor"


def check_factor(factor: float | None) -> None:
    """Raises `UserError` unless a rate can be multiplied by `factor`, or None."""
    if factor is not None and not 0 < factor < math.inf:
        raise UserError(f"--{KEY} must be > 0 and finite, got {factor:g}")


def noted(directory: RunDirectory) -> tuple[RateFactor, ...]:
    """Returns the factors that a run has been given so far, by their first steps.

    A later start's takes the place of those that begin at its step or after it.
    """
    factors: list[RateFactor] = []
    for start in directory.starts():
        if KEY in start:
            factors = _with(factors, RateFactor(**start[KEY]))
    return tuple(factors)


def with_asked(
    factors: tuple[RateFactor, ...], step: int, factor: float | None
) -> tuple[RateFactor, ...]:
    """Returns the factors of a run that resumes at a step.

    Args:
        factors: that were noted.
        step: how many are done.
        factor: what the configured rate is to be multiplied by from there on, instead of
            what was noted; None changes nothing.
    """
    if factor is None:
        return factors
    past = [one for one in factors if one.from_step <= step]
    now = past[-1].factor if past else 1.0
    if now == factor and len(past) == len(factors):
        return factors
    return tuple(_with(list(factors), RateFactor(step, factor)))


def _with(factors: list[RateFactor], added: RateFactor) -> list[RateFactor]:
    return [*(one for one in factors if one.from_step < added.from_step), added]
