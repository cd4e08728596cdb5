"""Counts the mistakes that commands don't refuse in one line.

``python -m benchmarks.reliability.mistakes`` makes those of `bad_inputs`, each in a process
forked of one that has imported TensorFlow, and prints every one that a command takes, that
ends in a traceback or in more lines than one, that is called a bug, or that takes too long.
"""

import argparse
import contextlib
import os
import runpy
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.reliability import bad_inputs
from tfadv import quiet_start


def outcome(words: tuple[str, ...], folder: Path, seconds: float) -> str:
    """Returns what is wrong with how a command ends, or ``""``."""
    printed = folder / "stderr"
    process = os.fork()
    if process == 0:
        _become(words, folder, printed)
    deadline = time.monotonic() + seconds
    while (ended := os.waitpid(process, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return f"it takes more than {seconds:g} s"
        time.sleep(0.02)
    code = os.waitstatus_to_exitcode(ended[1])
    lines = printed.read_text(errors="replace").splitlines()
    if code == 0:
        return "it is accepted"
    if code != 2 or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"exit code {code}, {len(lines)} lines, the last: {lines[-1] if lines else ''}"
    return ""


def _become(words: tuple[str, ...], folder: Path, printed: Path) -> None:
    """Runs a command in this process, as ``python -m`` does, and ends it."""
    os.chdir(folder)
    files = (os.devnull, os.O_RDONLY), (os.devnull, os.O_WRONLY)
    for number, (name, flag) in enumerate(files):
        os.dup2(os.open(name, flag), number)
    os.dup2(os.open(printed, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
    sys.argv = ["-m", *words[1:]]
    code: object = 1
    try:
        runpy.run_module(f"tfadv.{words[0]}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(ValueError):
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Makes every mistake; exits with 1 if one is not refused as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="that a command may take")
    parser.add_argument("--only", default="", help="mistakes that hold this text")
    arguments = parser.parse_args()
    quiet_start.import_tensorflow()  # before the forks, which then need not
    made = [words for words in bad_inputs.cases() if arguments.only in " ".join(words)]
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        bad_inputs.write_files(Path(name))
        for words in made:
            found = outcome(words, Path(name), arguments.seconds)
            if found:
                wrong += 1
                print(f"{' '.join(words)[:200]!r}: {found[:300]}", flush=True)
    print(f"{len(made)} mistakes, {wrong} of them not refused in one line")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
