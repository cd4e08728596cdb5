"""Mistakes of the user, each reported in one line."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something the user wrote can't be used.

    The command lines print it as one line and exit with a non-zero code.

    Args:
        message: what is wrong and what would be right, in one line.
        parameter: the gin parameter at fault, such as ``PGD.epsilon``; the
            command line adds the file and line that bound it.
    """

    def __init__(self, message: str, parameter: str | None = None):
        super().__init__(message)
        self.message = message
        self.parameter = parameter


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns ``" Did you mean 'x'?"`` for the closest known name, or ``""``."""
    by_folded = {str(candidate).lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.5)
    return f" Did you mean '{by_folded[close[0]]}'?" if close else ""


def check(condition: bool, parameter: str, rule: str, value: object) -> None:
    """Raises `UserError` ``parameter must rule, got value`` unless `condition`."""
    if not condition:
        raise UserError(f"{parameter} must {rule}, got {value!r}", parameter)


def check_choice(parameter: str, value: str, choices: Iterable[str]) -> None:
    """Raises `UserError` with the choices and the nearest unless `value` is one."""
    choices = tuple(choices)
    if value not in choices:
        raise UserError(
            f"{parameter} is {value!r}, which is none of {', '.join(map(str, choices))}."
            + nearest(str(value), choices),
            parameter,
        )
