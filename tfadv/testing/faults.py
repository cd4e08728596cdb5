"""How a check says what is wrong, and what it looks for in any kind of part."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))


class ConformanceError(AssertionError):
    """A part breaks a rule of its kind; the message names the rule and the fault."""


def require(holds: bool, fault: str) -> None:
    """Raises `ConformanceError` unless the rule holds."""
    if not holds:
        raise ConformanceError(fault)


def distance(a, b) -> float:
    """Returns the largest difference of two arrays, infinite where it is no number."""
    gap = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return float(np.max(gap, initial=0.0)) if np.all(np.isfinite(gap)) else float("inf")


def require_near(a, b, tolerance: float, fault: str) -> None:
    """Raises `ConformanceError` unless arrays agree to `tolerance` of their scale, at least 1."""
    scale = max(1.0, float(np.max(np.abs(np.asarray(b, np.float64)), initial=0.0)))
    gap = distance(a, b)
    require(gap <= tolerance * scale, f"{fault} (by {gap:.3g})")


def changed_share(a, b) -> float:
    """Returns the share of numbers that differ by more than 1e-4 of the largest."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.mean(~(np.abs(a - b) <= 1e-4 * max(1.0, np.max(np.abs(b), initial=0.0)))))


def values(variables: Sequence) -> list[np.ndarray]:
    """Returns copies of the variables' values."""
    return [np.array(variable) for variable in variables]


def require_untouched(variables: Sequence, before: Sequence[np.ndarray], fault: str) -> None:
    """Raises `ConformanceError` with the names of the variables that changed."""
    now = values(variables)
    changed = [
        getattr(variable, "path", variable.name)
        for variable, old, new in zip(variables, before, now, strict=True)
        if not np.array_equal(old, new)
    ]
    require(not changed, f"{fault}: {', '.join(changed)} changed")


def require_no_python_state(
    part: object, call: Callable[[], Sequence[tf.Tensor]], rounding: float = 0.0
) -> None:
    """Raises `ConformanceError` if calls change the part, or tracing again changes a result.

    Args:
        part: whose attributes are watched.
        call: uses the part on the same input each time.
        rounding: share of the numbers that rounding may turn around, as it does
            with the sign of a gradient near 0.
    """
    call()  # the first may build
    before = _simple_attributes(part)
    results = [tf.function(call, autograph=False)() for _ in range(3)]
    results += [call()]
    for name, value in _simple_attributes(part).items():
        require(
            name in before and before[name] == value,
            f"a call changes the Python attribute '{name}' from {before.get(name)} to {value}: "
            "a traced step runs its Python once, so it would never change again",
        )
    for result in results[1:]:
        for first, again in zip(results[0], result, strict=True):
            share = changed_share(again, first)
            require(
                share <= rounding,
                f"the same call gives other values ({share:.0%} of them) when it is traced again: "
                "something is drawn or counted in Python, which a traced step runs once",
            )


def _simple_attributes(part: object) -> dict[str, str]:
    return {
        name: repr(value)
        for name, value in vars(part).items()
        if isinstance(value, _SIMPLE)
        or (isinstance(value, list | tuple | set) and all(isinstance(v, _SIMPLE) for v in value))
    }
