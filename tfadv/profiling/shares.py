"""The time of profiled steps, shared among the operations that ran in it."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfadv.profiling.operations import (
    HOST,
    INPUT_WAIT,
    is_operation,
    kind_of,
    kind_of_kernel,
    type_of,
)

# The name of a profiled call in the trace.
CALL = "tfadv profiled call"
_WAITING = "IteratorGetNext"
_INPUT_THREADS = "tf_data"  # which prepare later batches while a step runs
_DEVICE, _HOST_PLANE = "/device:", "/host:CPU"
# Of a device's lines, those of what it does itself: others say the same by step, scope and module.
_KERNEL_LINES = ("Stream", "XLA Ops")
_PICOSECONDS = 1e12


class Work(NamedTuple):
    """A kind of work, and the operation's type or the kernel's name."""

    kind: str
    name: str


@dataclasses.dataclass(frozen=True)
class Shares:
    """What became of the time of the profiled calls.

    Every instant belongs in equal parts to the operations that run then, on whatever threads,
    replicas or streams. One in which none runs is input wait, where the next batch is waited
    for, and the host's otherwise. So the seconds add up to those of the calls.

    Attributes:
        seconds: by kind of work.
        operations: seconds by `Work`, of what runs.
    """

    seconds: dict[str, float]
    operations: dict[Work, float]

    @property
    def total(self) -> float:
        """Seconds of the calls."""
        return sum(self.seconds.values())


class _Span(NamedTuple):
    begin: int
    end: int
    what: object


def shares_of(space: xplane_pb2.XSpace) -> Shares:
    """Returns where the time of the calls named `CALL` went.

    With an accelerator, its kernels are the operations, and what the host does meanwhile costs
    nothing; without, they are those of TensorFlow's executor, the input pipeline's left out.

    Args:
        space: a trace, as the profiler writes it.
    """
    host = [plane for plane in space.planes if plane.name == _HOST_PLANE]
    calls = [span for plane in host for span in _named(plane, CALL)]
    waits = [span for plane in host for span in _named(plane, _WAITING)]
    devices = [plane for plane in space.planes if plane.name.startswith(_DEVICE)]
    running = [span for plane in devices for span in _kernels(plane)]
    if not running:
        running = [span for plane in host for span in _operations(plane)]
    by_work = _attributed(calls, running, waits)
    seconds: Counter = Counter()
    for work, time in by_work.items():
        seconds[work.kind] += time
    operations = {w: time for w, time in by_work.items() if w.kind not in (INPUT_WAIT, HOST)}
    return Shares(dict(seconds), operations)


def _attributed(
    calls: Iterable[_Span], running: Iterable[_Span], waits: Iterable[_Span]
) -> dict[Work, float]:
    """Returns the seconds of each kind of work within the calls."""
    waiting, host = Work(INPUT_WAIT, INPUT_WAIT), Work(HOST, HOST)
    edges = []
    for spans, group in ((calls, "call"), (running, "run"), (waits, "wait")):
        for span in spans:
            edges += [(span.begin, 1, group, span.what), (span.end, -1, group, span.what)]
    edges.sort(key=lambda edge: edge[0])
    open_now, active = Counter(), Counter()
    found: Counter = Counter()
    last = 0
    for time, change, group, what in edges:
        if open_now["call"] and time > last:
            width = (time - last) / _PICOSECONDS
            if open_now["run"]:
                for work, count in active.items():
                    found[work] += width * count / open_now["run"]
            else:
                found[waiting if open_now["wait"] else host] += width
        last = time
        open_now[group] += change
        if group == "run":
            active[what] += change
            if not active[what]:
                del active[what]
    return dict(found)


def _named(plane, name: str) -> Iterator[_Span]:
    """Yields a plane's events whose name begins so."""
    ids = {key for key, meta in plane.event_metadata.items() if meta.name.startswith(name)}
    for line in plane.lines:
        yield from (_span(line, event, name) for event in line.events if event.metadata_id in ids)


def _operations(plane) -> Iterator[_Span]:
    """Yields what the executor's threads ran."""
    works = {
        key: Work(kind_of(meta.name), type_of(meta.name))
        for key, meta in plane.event_metadata.items()
        if is_operation(meta.name)
    }
    for line in plane.lines:
        if not line.name.startswith(_INPUT_THREADS):
            for event in line.events:
                if event.metadata_id in works:
                    yield _span(line, event, works[event.metadata_id])


def _kernels(plane) -> Iterator[_Span]:
    """Yields what an accelerator ran, by the TensorFlow operation where the trace names it."""
    stats = {key: meta.name for key, meta in plane.stat_metadata.items()}
    for line in plane.lines:
        if line.name.startswith(_KERNEL_LINES):
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                of = next((_text(s, stats) for s in event.stats if _is_operation(s, stats)), "")
                work = Work(kind_of(of), type_of(of)) if is_operation(of) else None
                yield _span(line, event, work or Work(kind_of_kernel(name), name))


def _is_operation(stat, names: dict[int, str]) -> bool:
    return names.get(stat.metadata_id) == "tf_op"


def _text(stat, names: dict[int, str]) -> str:
    """Returns a stat's text, which is its own or the name of another one."""
    return stat.str_value or names.get(stat.ref_value, "")


def _span(line, event, what: object) -> _Span:
    begin = line.timestamp_ns * 1000 + event.offset_ps
    return _Span(begin, begin + event.duration_ps, what)
