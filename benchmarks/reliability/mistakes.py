"""Counts the mistakes that commands don't refuse in one line.

``python -m benchmarks.reliability.mistakes`` makes those of `bad_inputs`, each in a process
forked of one that has imported TensorFlow, and prints every one that a command takes, that
ends in a traceback or in more lines than one, that is called a bug, or that takes too long.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.reliability import bad_inputs, forked
from tfadv import quiet_start


def outcome(words: tuple[str, ...], folder: Path, seconds: float) -> str:
    """Returns what is wrong with how a command ends, or ``""``."""
    ended = forked.Command(words, folder).wait(seconds)
    lines = ended.lines
    if ended.code is None:
        return f"it takes more than {seconds:g} s"
    if ended.code == 0:
        return "it is accepted"
    if ended.code != 2 or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"exit code {ended.code}, {len(lines)} lines, the last: {lines[-1] if lines else ''}"
    return ""


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
