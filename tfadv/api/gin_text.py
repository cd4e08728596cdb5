"""Python's values as gin bindings."""

from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np

from tfadv.errors import UserError
from tfadv.registry import Schedule


def bindings(values: Mapping[str, Any]) -> Iterator[str]:
    """Yields ``Name.parameter = value`` lines.

    Args:
        values: numbers, texts, None, tuples, dictionaries or `Schedule`, by ``Name.parameter``
            or ``scope/Name.parameter``.

    Raises:
        UserError: gin has no such value.
    """
    for key, value in values.items():
        if isinstance(value, Schedule):
            scope = key.replace("/", "_").replace(".", "_")
            yield f"{scope}/Schedule.points = {value.points!r}"
            yield f"{scope}/Schedule.interpolation = {value.interpolation!r}"
            yield f"{key} = @{scope}/Schedule()"
        else:
            yield f"{key} = {_literal(key, value)!r}"


def _literal(key: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, tuple | list):
        return tuple(_literal(key, one) for one in value)
    if isinstance(value, dict):
        return {_literal(key, name): _literal(key, one) for name, one in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise UserError(
        f"{key}: a {type(value).__name__} can't be written in a configuration: numbers, texts, "
        "tuples and tfadv.Schedule can",
        key,
    )
