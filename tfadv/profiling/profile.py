"""Profiles some steps of a command, after the first ones."""

import contextlib
import dataclasses
import shutil
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfadv.errors import UserError
from tfadv.files import check_place, write_record
from tfadv.profiling.record import profile_record
from tfadv.profiling.shares import CALL, shares_of

RECORD = "profile.json"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a person wants to be profiled.

    Attributes:
        steps: how many.
        folder: a new folder in it, named by a number, takes ``profile.json`` and what
            TensorBoard shows.
        show: takes the record once it is written, and its folder.
        none: why there can be none.
    """

    steps: int
    folder: Path
    show: Callable[[dict, Path], object]
    none: str = "every call was its function's first"


class Call:
    """A call of the function that is profiled.

    Attributes:
        steps: how many it is to do.
        work: how much it computed, in the unit of the profile's `flops`.
    """

    def __init__(self, steps: int):
        self.steps = steps
        self.work = 0.0


class Unprofiled(contextlib.AbstractContextManager):
    """Calls that nobody profiles; a context manager around them all."""

    def __exit__(self, *raised) -> None:
        """Does nothing."""

    @contextlib.contextmanager
    def call(self, of: Hashable, most: int = 1) -> Iterator[Call]:
        """Yields a call of as many steps as there may be."""
        yield Call(most)


UNPROFILED = Unprofiled()


class Profile(Unprofiled):
    """TensorFlow's trace of some steps, its table, and the operations a second.

    Where the work ends before the steps are done, those that were are kept.

    Args:
        asked: what to profile and where to.
        flops: returns the operations by dtype that some work comes to; see `Call.work`.
        devices: how many accelerators compute at once.
        writes: whether this worker traces; one of the others only makes the same calls.
    """

    def __init__(
        self,
        asked: Asked,
        flops: Callable[[float], Mapping[str, float]],
        devices: int = 1,
        writes: bool = True,
    ):
        self._asked = asked
        self._flops = flops
        self._devices = devices
        self._writes = writes
        self._left = asked.steps
        self._folder: Path | None = None
        self._warm: set[Hashable] = set()
        self._work = 0.0

    def __exit__(self, kind, *_) -> None:
        """Finishes what was profiled; after an error, drops it."""
        if self._folder and kind is None:
            self._finish()
        elif self._folder:
            tf.profiler.experimental.stop(save=False)
            shutil.rmtree(self._folder)
        elif kind is None and not self._done:
            print(f"note: nothing was profiled: {self._asked.none}", file=sys.stderr, flush=True)

    @property
    def _done(self) -> int:
        """Steps that were profiled so far."""
        return self._asked.steps - self._left

    @contextlib.contextmanager
    def call(self, of: Hashable, most: int = 1) -> Iterator[Call]:
        """Profiles a call, if it is one of those to profile.

        Args:
            of: the function that is called; the first call of each is left out.
            most: steps that the call may do.

        Yields:
            The call, whose `work` is to be set.
        """
        if not self._left:
            yield Call(most)
        elif of not in self._warm:
            self._warm.add(of)  # this call traces, compiles and picks kernels
            yield Call(1)
        else:
            self._begin()
            call = Call(min(most, self._left))
            with tf.profiler.experimental.Trace(CALL, step_num=self._done, _r=1):
                yield call
            self._left -= call.steps
            self._work += call.work
            if not self._left:
                self._finish()

    def _begin(self) -> None:
        if self._folder is None and self._writes:
            self._folder = _new_numbered(self._asked.folder)
            options = tf.profiler.experimental.ProfilerOptions(python_tracer_level=0)
            tf.profiler.experimental.start(str(self._folder), options)

    def _finish(self) -> None:
        folder, self._folder = self._folder, None
        steps, self._left = self._done, 0
        if folder is None:
            return
        tf.profiler.experimental.stop()
        flops = self._flops(self._work)
        record = profile_record(shares_of(_trace(folder)), steps, flops, self._devices)
        write_record(folder / RECORD, record)
        self._asked.show(record, folder)


def check_left(steps: int, left: int) -> None:
    """Raises `UserError` if a run has fewer steps left than are to be profiled."""
    if steps >= left:
        most = f"at most {left - 1}" if left > 1 else "none"
        raise UserError(
            f"--profile={steps}: the run has {left:,} step(s) left, of which the first one, that "
            f"traces, is not profiled: {most} can be"
        )


def _new_numbered(parent: Path) -> Path:
    """Makes the folder of the next number."""
    check_place(parent, "profile")
    parent.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name) for path in parent.iterdir() if path.name.isdecimal()]
    folder = parent / str(max(taken, default=0) + 1)
    folder.mkdir()
    return folder


def _trace(folder: Path) -> xplane_pb2.XSpace:
    (path,) = folder.glob("plugins/profile/*/*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    return space
