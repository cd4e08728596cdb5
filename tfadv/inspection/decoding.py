"""Image files decoded in parallel, by processes of their own."""

import collections
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import NamedTuple

import tensorflow as tf

from tfadv import interruption
from tfadv.errors import UserError
from tfadv.inspection.remarks import Remarks
from tfadv.inspection.seen import UNREADABLE, Finding, Seen, see_file

# Shares of the images that a process has before it, so that it never waits.
_AHEAD = 3
_remarks: Remarks | None = None  # of this process, if it is one that decodes


class Task(NamedTuple):
    """An image file to look at: where it lies, or what it holds.

    Attributes:
        name: what it is called, with its suffix.
        path: of the file; None where `data` holds it.
        data: its bytes; None where they are to be read.
    """

    name: str
    path: str | None
    data: bytes | None = None


def look(shares: Iterable[Sequence[Task]], processes: int) -> Iterator[list[Seen]]:
    """Yields what is seen of some files, in their order.

    Args:
        shares: of the files; each is decoded by one process, and few are held at a time.
        processes: how many decode at once; 1 decodes in this one.

    Raises:
        UserError: a decoder crashed.
    """
    if processes == 1:
        with Remarks() as remarks:
            yield from ([_see(task, remarks) for task in share] for share in shares)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tfadv.inspection.preloaded"])
    shares = iter(shares)
    waiting: collections.deque[tuple[Sequence[Task], Future]] = collections.deque()
    with ProcessPoolExecutor(processes, context, _begin) as pool:
        try:
            while True:
                for share in itertools.islice(shares, _AHEAD * processes - len(waiting)):
                    waiting.append((share, pool.submit(_see_share, share)))
                if not waiting:
                    return
                yield waiting[0][1].result()
                waiting.popleft()
        except BrokenProcessPool as error:
            raise UserError(_killed(waiting[0][0] if waiting else ())) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _killed(share: Sequence[Task]) -> str:
    files = f", perhaps one of the {len(share)} from '{share[0].name}' on" if share else ""
    return (
        "a decoding process was killed, for want of memory (try fewer --workers) or by a "
        f"file{files}"
    )


def _begin() -> None:
    """Makes this process one that decodes, on one thread and no GPU, as long as it is wanted."""
    global _remarks
    for number in interruption.SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the parent's to answer
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _remarks = Remarks().__enter__()


def _end_with_parent() -> None:
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _see_share(share: Sequence[Task]) -> list[Seen]:
    return [_see(task, _remarks) for task in share]


def _see(task: Task, remarks: Remarks) -> Seen:
    data = task.data
    try:
        if data is None:
            with open(task.path, "rb", buffering=0) as file:
                data = file.read()
    except OSError as error:
        reason = f"can't be read: {error.strerror or error}"
        return Seen(0, findings=(Finding(UNREADABLE, reason),))
    return see_file(data, task.name, remarks)
