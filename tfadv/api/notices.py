"""How Python code is told things: lines, warnings, and mistakes in terms of its arguments."""

import contextlib
import logging
import random
import sys
import warnings
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from tfadv import progress
from tfadv.errors import UserError
from tfadv.interruption import Interrupted

_PACKAGE = f"{__name__.partition('.')[0]}."
# What commands call the arguments of functions here.
_ARGUMENTS = {
    "--model_dir": "folder",
    "--output_dir": "folder",
    "--saved_model": "model",
    "--gin_file": "tfadv.from_gin",
    "--gin_bindings": "settings",
    "--output": "output",
    "--plugin_dir": "plugin_dirs",
    "--plugin": "plugins",
    "--": "",
}
# What is done on purpose: every attack is a trace of its own, and a bundle is for its reader.
_EXPECTED = (
    "tf.function retracing",
    "parallel_iterations > 1 has no effect",
    "Assets written to",
)


class Notices:
    """What a run says to Python code: see `training.start.Says`.

    Args:
        quiet: leaves everything but warnings out.
    """

    def __init__(self, quiet: bool):
        self._quiet = quiet

    def say(self, line: str) -> None:
        """Prints what is done."""
        if not self._quiet:
            print(line)

    def warn(self, lines: Iterable[str]) -> None:
        """Warns of what is hardly meant so."""
        for line in lines:
            warnings.warn(_of_python(line), UserWarning, stacklevel=_callers_level())

    def note(self, lines: Iterable[str]) -> None:
        """Prints what is to be known."""
        for line in lines:
            self.say(f"note: {_of_python(line)}")

    def silence(self) -> None:
        """Says nothing more: another worker does."""
        self._quiet = True


@contextlib.contextmanager
def in_python(quiet: bool = False) -> Iterator[None]:
    """Lets work inside be called by Python code, whose random generators it leaves alone.

    Args:
        quiet: shows no progress.

    Raises:
        UserError: as it was raised, in the words of Python.
        KeyboardInterrupt: a signal stopped the work, which says what there is.
    """
    logger, expected = tf.get_logger(), _Expected()
    logger.addFilter(expected)
    drawn = random.getstate(), np.random.get_state()
    try:
        with progress.silent() if quiet else contextlib.nullcontext():
            yield
    except UserError as error:
        message = _of_python(error.message)
        if message == error.message:
            raise
        raise UserError(message, error.parameter) from error
    except Interrupted as interrupted:
        raise KeyboardInterrupt(
            f"{interrupted}; the same call resumes where there is a folder"
        ) from None
    finally:
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
        logger.removeFilter(expected)


class _Expected(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not any(text in record.getMessage() for text in _EXPECTED)


def _callers_level() -> int:
    """Returns how many calls lie between a warning and the code that called this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def _of_python(message: str) -> str:
    for flag, argument in _ARGUMENTS.items():
        message = message.replace(flag, argument)
    return message
