"""Fills the disk, or makes it read-only, at every write of a command.

``python -m benchmarks.reliability.full_disk`` trains, evaluates and exports, once for each file or
folder that Python makes or changes there: from that one on the disk is full (or, every second
time, read-only). TensorFlow writes some files itself, so a second part fills a small disk in
memory so that ever more bytes find room; it needs ``unshare`` and ``mount``, and says so where
it may not. Each time the command must say in one line what is wrong, and once there is room
again, it must end as if nothing had been. ``--share=N`` tries every N-th time only.
"""

import argparse
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.reliability import forked
from benchmarks.reliability.damaged import EVALUATE, EXPORT, TRAIN, op_by_op, outcome, run
from tfadv import quiet_start

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_SIZE = 32  # MiB of the disk in memory
_STEPS = 16  # sizes of the room on it


class Refusing:
    """Refuses what would change a folder, from one time on.

    Args:
        folder: the folder.
        allowed: how many changes are made before.
        number: of the error.
    """

    def __init__(self, folder: Path, allowed: int, number: int):
        self._folder, self._left, self._number = str(folder), allowed, number

    def __call__(self) -> None:
        """Begins; it lasts as long as the process."""
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
        if not (writes or event == "os.mkdir" or (changes and self._number == errno.EROFS)):
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not self._is_inside(os.fspath(path)):
            return
        self._left -= 1
        if self._left < 0:
            raise OSError(self._number, os.strerror(self._number), os.fspath(path))

    def _is_inside(self, path: str) -> bool:
        return os.path.abspath(path).startswith(self._folder + os.sep)  # noqa: PTH100 (no audit)


def tried(place: Path, command, expected, begin: Callable[[], None], mend: Callable) -> str:
    """Returns ``""`` if nothing was refused, 'right', or what is wrong.

    Args:
        place: where the command runs.
        command: its words.
        expected: what it ends with where nothing is refused.
        begin: is called in its process.
        mend: is called afterwards.
    """
    ended = forked.run(command, place, begin)
    mend()
    if ended.code == 0:
        return ""
    if not ended.refused:
        return f"exit code {ended.code}: {ended.lines[-3:]}"
    names = [path.parent.name for path in place.glob("run/checkpoints/step-*/manifest.json")]
    saved = any(name.removeprefix("step-").isdigit() for name in names)  # not one half written
    again = run(command, place)
    left = [str(path) for path in place.rglob("*") if path.suffix in (".partial", ".lock")]
    if again.code != 0 or outcome(place, command) != expected:
        return f"after {ended.lines[-1]!r} it ends with {again.code}: {again.lines[-1:]}"
    if command == TRAIN and saved and "train 1/4" in again.printed:
        return "it began at step 0 again"
    return f"left over: {left}" if left else "right"


def make(folder: Path, command) -> tuple[Path, object]:
    """Returns a folder in which a command may run, and what it ends with there."""
    start = folder / f"start_{command[0]}"
    start.mkdir()
    if command != TRAIN:
        run(TRAIN, start)
    whole = shutil.copytree(start, folder / f"whole_{command[0]}")
    run(command, whole)
    return start, outcome(whole, command)


def at_every_write(folder: Path, command, share: int) -> list[str]:
    """Returns what became of a command at every change that Python makes."""
    start, expected = make(folder, command)
    found, allowed = [], 0
    while True:
        place = shutil.copytree(start, folder / "place")
        number = (errno.ENOSPC, errno.EROFS)[len(found) % 2]
        refusing = Refusing(place, allowed, number)
        what = tried(place, command, expected, _both(command, refusing), lambda: None)
        shutil.rmtree(place)
        if not what:
            return found
        if what != "right":
            print(f"{command[0]}, {os.strerror(number)} at {allowed}: {what}", flush=True)
        found.append(what)
        allowed += share


def _both(command, refusing: Callable[[], None]) -> Callable[[], None]:
    def begin():
        op_by_op(command)
        refusing()

    return begin


def on_a_small_disk(folder: Path, command, share: int) -> list[str]:
    """Returns what became of a command where ever more bytes find room on a real disk."""
    start, expected = make(folder, command)
    disk, found = folder / "disk", []
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}m", "none", disk], check=True)
    for step in range(0, _STEPS, share):
        place = shutil.copytree(start, disk / "place")
        room, ballast = 4096 * 2**step // 8, disk / "ballast"
        free = shutil.disk_usage(disk).free
        ballast.write_bytes(bytes(max(0, free - room)))
        what = tried(place, command, expected, _both(command, lambda: None), ballast.unlink)
        shutil.rmtree(place)
        ballast.unlink(missing_ok=True)
        found += [what] if what else []
        if what not in ("", "right"):
            print(f"{command[0]}, room for {room} bytes: {what}", flush=True)
    subprocess.run(["umount", disk], check=True)
    disk.rmdir()
    return found


def main() -> None:
    """Prints what is wrong, and the figure; exits with 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=1, help="every which time to try")
    parser.add_argument("--only", default="", help="one of train, evaluate and export")
    parser.add_argument("--small_disk", action="store_true", help="the second part")
    arguments = parser.parse_args()
    quiet_start.import_tensorflow()
    part = on_a_small_disk if arguments.small_disk else at_every_write
    found = []
    with tempfile.TemporaryDirectory() as name:
        for command in (TRAIN, EVALUATE, EXPORT):
            if command[0].startswith(arguments.only):
                found += part(Path(name).resolve(), command, arguments.share)
    wrong = len(found) - found.count("right")
    how = "a small disk that was full" if arguments.small_disk else "a disk full or read-only"
    print(f"{how}, {len(found)} times: {wrong} not said in one line, or lost something")
    wrong += 0 if arguments.small_disk else _second_part()
    sys.exit(1 if wrong else 0)


def _second_part() -> int:
    """Goes on in a process that may mount a disk; returns its exit code."""
    words = ["unshare", "--map-root-user", "--mount"]
    if shutil.which(words[0]) is None or subprocess.run([*words, "true"], check=False).returncode:
        print("no disk of a given size can be made here: that part is not tried")
        return 0
    module = "benchmarks.reliability.full_disk"
    mine = [sys.executable, "-m", module, "--small_disk", *sys.argv[1:]]
    return subprocess.run([*words, *mine], check=False).returncode


if __name__ == "__main__":
    main()
