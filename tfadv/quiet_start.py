"""Imports TensorFlow without the lines that it prints before its log level takes effect.

And without scikit-learn and matplotlib, which Keras imports for parts of its own that no command
uses: a third of the time. The commands do this; `tfadv` used as a library leaves a process's
standard error, environment and TensorFlow alone.
"""

import contextlib
import gc
import importlib.abc
import importlib.machinery
import os
import re
import signal
import sys
import types
from collections.abc import Iterator

from tfadv import interruption

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_EVERYTHING = "0"
# What fails raises an exception in Python. What TensorFlow's C++ calls an error besides is
# that a processor lacks some fast kernel, or that another worker has finished first.
_CRASHES = "3"
# What the log level would hide if it were in effect, the heading above it, and that there is no
# GPU driver, which is logged as an error.
_START_UP_LINE = re.compile(
    rb"I\d{4} "
    rb"|WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|E\d{4} .* failed call to cuInit: .*\(303\)"
)
# They import scikit-learn and matplotlib.
_LATER = {"keras.wrappers", "keras.visualization", "keras.src.visualization"}


def import_tensorflow() -> None:
    """Imports TensorFlow and finds its devices, and passes on only what is out of the ordinary.

    Where the user asks for every message, ``TF_CPP_MIN_LOG_LEVEL=0``, there is every message.
    """
    level = os.environ.setdefault(_LOG_LEVEL, _CRASHES)
    says_all = level == _EVERYTHING or sys.stderr is None or not hasattr(os, "fork")
    lines = contextlib.nullcontext() if says_all else _without_start_up_lines()
    with lines, _at_first_use(), without_collection():
        import tensorflow as tf

        tf.config.list_physical_devices()
    gc.freeze()


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Leaves Python's cyclic garbage while much is made that stays: modules, layers, large graphs.

    The collector takes a quarter of an import of TensorFlow, a tenth of a large graph's trace.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@contextlib.contextmanager
def _at_first_use() -> Iterator[None]:
    """Has the modules of `_LATER` run when something of theirs is used."""
    finder = _Later()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Later(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname not in _LATER:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is not None:
            found.loader = _AtFirstUse(found.loader)
        return found


class _AtFirstUse(importlib.abc.Loader):
    """Runs a module when something of its own is asked for.

    What the import system knows of it is there from the beginning: autograph and `inspect` ask all
    modules for their files, which has `importlib.util.LazyLoader` run them.
    """

    def __init__(self, loader: importlib.abc.Loader):
        self._loader = loader

    def exec_module(self, module: types.ModuleType) -> None:
        def asked_for(name: str) -> object:
            if name.startswith("__") and name != "__all__":
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            del module.__getattr__
            self._loader.exec_module(module)
            return getattr(module, name)

        module.__getattr__ = asked_for


@contextlib.contextmanager
def _without_start_up_lines() -> Iterator[None]:
    """Filters what is written to the standard error, by C++ too.

    Another process passes the lines on as they come, so that the last words of
    a crash and of a program that hangs are seen as well.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        _pass_on(reading)
    os.close(reading)
    stderr = os.dup(2)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.waitpid(child, 0)  # what comes next is to be printed next


def _pass_on(reading: int) -> None:
    """Copies lines to the standard error until there are no more, then ends the process."""
    try:
        for number in interruption.SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the parent's to answer
        with open(reading, "rb") as lines, open(2, "wb", buffering=0) as stderr:
            for line in lines:
                if not _START_UP_LINE.match(line):
                    stderr.write(line)
    finally:
        os._exit(0)
