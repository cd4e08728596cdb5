"""Whether a value is of the type that a parameter is annotated with."""

import types
import typing
from collections.abc import Sequence
from typing import Any


def fits(value: Any, annotation: Any) -> bool:
    """Returns whether a value fits a simple annotation; others accept anything."""
    if isinstance(annotation, types.UnionType):
        return any(fits(value, choice) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) in (tuple, list, Sequence):
        return isinstance(value, tuple | list)
    if annotation in (int, float):
        allowed = int if annotation is int else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool)
    return isinstance(value, annotation) if annotation in (str, bool, types.NoneType) else True
