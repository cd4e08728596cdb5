"""Whether a value is of the type that a parameter is annotated with."""

import math
import types
import typing
from collections.abc import Sequence
from typing import Any

from tfadv.registry.schedule import Schedule


def fits(value: Any, annotation: Any) -> bool:
    """Returns whether a value fits a simple annotation; others accept anything."""
    if isinstance(annotation, types.UnionType):
        return any(fits(value, choice) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) in (tuple, list, Sequence):
        return isinstance(value, tuple | list) and _elements_fit(value, annotation)
    if annotation in (int, float):
        allowed = int if annotation is int else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool)
    if isinstance(value, Schedule):  # welcome where it is named alone
        return annotation is Schedule
    known = (str, bool, types.NoneType, Schedule)
    return isinstance(value, annotation) if annotation in known else True


def title(annotation: Any) -> str:
    """Returns an annotation as an error says it."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return text.replace(f"{Schedule.__module__}.", "")


def _elements_fit(values: Sequence, annotation: Any) -> bool:
    choices = typing.get_args(annotation)
    if typing.get_origin(annotation) is not tuple or choices[1:] == (...,):
        return all(fits(value, choices[0]) for value in values)
    return len(values) == len(choices) and all(map(fits, values, choices))


def is_moderate(value: Any) -> bool:
    """Returns whether all numbers in a value are finite and such that 32 bits hold them."""
    if isinstance(value, tuple | list):
        return all(map(is_moderate, value))
    if isinstance(value, int):
        return abs(value) < 2**31
    return not isinstance(value, float) or math.isfinite(value) and abs(value) < 2.0**128
