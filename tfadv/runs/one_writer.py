"""One process at a time writes a run, an evaluation or a bundle: whoever comes later is refused.

The writer holds a lock file: it is locked as the system locks files, which ends with the process,
and names process, machine and time. Machines that share a disk need not share such locks: there
the file's own time counts, which the writer sets anew every few seconds. What a process has left
that was killed is taken over, and that is said.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tfadv.devices.workers import Workers
from tfadv.errors import UserError
from tfadv.runs.lock_file import BEAT, LONGEST, SILENCE, SUFFIX, described, machine, parsed

__all__ = ["SUFFIX", "remove_left", "writing"]
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of disks that have none
_LOCKED = (errno.EWOULDBLOCK, errno.EACCES)


class _HeldError(Exception):
    """Another process is at it."""


@contextlib.contextmanager
def writing(place: Path, lock: Path, flag: str, workers: Workers | None = None) -> Iterator[None]:
    """Holds the lock of a place while the block runs; of several workers the chief does.

    Args:
        place: what is to be written, for messages.
        lock: the lock's file; folders that it lacks are made, and removed again if nothing else
            is written there.
        flag: which chooses another place, for messages.
        workers: that do it together; None, for this process alone.

    Raises:
        UserError: another process writes there, or nobody can.
    """
    held, refusal, made = None, "", []
    if workers is None or workers.is_chief:
        made = [folder for folder in lock.parents if not folder.exists()]
        try:
            held = _Lock(place, lock)
        except _HeldError as error:
            refusal = (
                f"'{place}' is being written by {error}: wait for it, stop it, or choose another "
                f"--{flag}"
            )
        except OSError as error:
            refusal = f"--{flag}: '{place}' can't be written: {error.strerror}"
    if workers and workers.greatest(bool(refusal)):
        refusal = refusal or f"worker 0 can't write '{place}', and says why"
    try:
        if refusal:
            raise UserError(refusal)
        yield
    finally:
        if held:
            held.release()
        for folder in made:
            with contextlib.suppress(OSError):  # it holds something by now
                folder.rmdir()


def remove_left(place: Path, lock: Path, flag: str) -> None:
    """Removes a lock that a killed process has left; see `writing` for the arguments.

    Raises:
        UserError: its process lives.
    """
    if lock.exists():
        with writing(place, lock, flag):
            pass


class _Lock:
    """A lock that this process holds.

    Args:
        place: what it stands for.
        path: of its file.

    Raises:
        _HeldError: another process holds it.
    """

    def __init__(self, place: Path, path: Path):
        self._place, self._path = place, path
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new, self._file, is_locked = _opened(path)
        try:
            before = os.read(self._file, LONGEST)
            is_gone = is_locked and parsed(before).get("machine") == machine()
            if not is_new and not is_gone and _is_alive(path):
                raise _HeldError(described(before))
            self._content = _own_content()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, self._content, 0)
        except BaseException:
            if is_new:
                path.unlink(missing_ok=True)
            os.close(self._file)
            raise
        if not is_new:
            print(
                f"note: '{place}' was being written by {described(before)}, which is gone: going "
                "on from what it saved",
                file=sys.stderr,
                flush=True,
            )
        self._released = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def release(self) -> None:
        """Removes the file, if it is still this process's."""
        self._released.set()
        self._beating.join()
        if self._is_ours():
            with contextlib.suppress(OSError):  # it is taken over by whoever comes next
                self._path.unlink()
        os.close(self._file)

    def _beat(self) -> None:
        """Shows that the process lives; ends it where another has taken over."""
        while not self._released.wait(BEAT):
            if not self._is_ours() and self._path.exists():
                print(
                    f"error: '{self._place}' was taken over by {described(_read(self._path))}, "
                    "while this process was silent: it stops, and writes nothing more",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(3)  # whatever it is at
            with contextlib.suppress(OSError):  # a write will say what is wrong there
                os.utime(self._file)

    def _is_ours(self) -> bool:
        return _read(self._path) == self._content


def _opened(path: Path) -> tuple[bool, int, bool]:
    """Opens a lock's file, and locks it as the system does.

    Returns:
        Whether this made the file, its number, and whether the system locked it: some disks
        have no locks.

    Raises:
        _HeldError: another process has it locked.
    """
    while True:
        is_new = not path.exists()
        flags = os.O_RDWR | (os.O_CREAT | os.O_EXCL if is_new else 0)
        try:
            file = os.open(path, flags, 0o644)
        except (FileExistsError, FileNotFoundError):
            continue  # another process was quicker
        is_locked = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            is_locked = False
            if error.errno not in _NO_LOCKS:
                holder = _holder(file)
                os.close(file)
                if error.errno in _LOCKED:
                    raise _HeldError(described(holder)) from None
                raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.stat()):
                return is_new, file, is_locked
        os.close(file)  # its writer has just removed it


def _holder(file: int) -> bytes:
    """Returns what a lock's file says, once its writer has said it."""
    for _ in range(100):
        content = os.pread(file, LONGEST, 0)
        if parsed(content):
            break
        time.sleep(0.01)
    return content


def _own_content() -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    return json.dumps(
        {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "since": now.isoformat(timespec="seconds"),
            "machine": machine(),
        }
    ).encode()


def _is_alive(path: Path) -> bool:
    """Returns whether a writer on another machine gave a sign of life, by the disk's clock."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name) as probe:
        return os.fstat(probe.fileno()).st_mtime - path.stat().st_mtime < SILENCE


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
