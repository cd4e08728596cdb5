"""Configurations for Python code, beside whatever its own gin files have bound."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import gin
from gin import config as gin_config

from tfadv import registry

# What gin holds for the whole process, and has no function to give back.
_TABLES = ("_CONFIG", "_OPERATIVE_CONFIG", "_SINGLETONS", "_IMPORTS")
_at_a_time = threading.RLock()
_outside: list["_State"] = []


class _State:
    """What gin holds at a time."""

    def __init__(self):
        self._tables = {name: _copied(getattr(gin_config, name)) for name in _TABLES}
        self._is_locked = gin.config_is_locked()

    def restore(self) -> None:
        """Lets gin hold that again."""
        for name, held in self._tables.items():
            table = getattr(gin_config, name)
            table.clear()
            table.update(_copied(held))
        gin_config._set_config_is_locked(self._is_locked)


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Lets what is inside bind and read a configuration, and puts the caller's back.

    Other threads that ask for the same wait: gin has one configuration a process.
    """
    with _at_a_time:
        _outside.append(_State())
        try:
            gin.clear_config()
            registry.forget_borrowed()
            yield
        finally:
            _outside.pop().restore()
            registry.forget_borrowed()


@contextlib.contextmanager
def caller() -> Iterator[None]:
    """Within `isolated`, puts the caller's configuration back for the caller's own code.

    What that code binds is the caller's.
    """
    inside = _State()
    _outside[-1].restore()
    try:
        yield
    finally:
        _outside[-1] = _State()
        inside.restore()


def _copied(table: Any) -> Any:
    if isinstance(table, set):
        return set(table)
    items = table.items()
    return {key: dict(value) if isinstance(value, dict) else value for key, value in items}
