"""Counts the mistakes that commands don't refuse in one line.

``python -m benchmarks.reliability.mistakes`` makes those of `bad_inputs` and `drawn_inputs`, each
in a process forked of one that has imported TensorFlow, and prints every one that a command
takes, that ends in a traceback or in more lines than one, that is called a bug, that takes too
long, or that changes a file.
"""

import argparse
import collections
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reliability import bad_inputs, drawn_inputs, forked
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


_KINDS = ("tracebacks", "wrongly accepted", "overwritten", "hangs")


def kind_of(wrong: str) -> str:
    """Returns which of `_KINDS` an outcome is."""
    if wrong.startswith("it takes more"):
        return "hangs"
    return "wrongly accepted" if wrong.startswith("it is accepted") else "tracebacks"


def contents(folder: Path) -> dict[Path, bytes]:
    """Returns what is in a folder, by path, but for what the commands print."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: path.read_bytes() for path in files if path.name != "stderr"}


def known() -> tuple[set[str], set[str]]:
    """Returns the parameters, ``Name.parameter``, and the registered names that there are."""
    from tfadv import registry  # not before TensorFlow is imported quietly
    from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401

    by_part = registry.configurables().items()
    parameters = {f"{part}.{parameter}" for part, named in by_part for parameter in named}
    return parameters, {name for kind in registry.REGISTRIES for name in kind.names()}


def count(made: Sequence[tuple[str, ...]], seconds: float) -> collections.Counter[str]:
    """Makes mistakes, each in a folder of its own files, and prints what is wrong.

    Returns:
        How many end in each of `_KINDS`.
    """
    wrong: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bad_inputs.write_files(folder)
        before = contents(folder)
        for words in made:
            found = outcome(words, folder, seconds)
            if found:
                wrong[kind_of(found)] += 1
            if contents(folder) != before:
                wrong["overwritten"] += 1
                found += " files are changed"
                before = contents(folder)
            if found:
                print(f"{' '.join(words)[:200]!r}: {found[:300]}", flush=True)
    return wrong


def main() -> None:
    """Makes every mistake; exits with 1 if one is not refused as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="that a command may take")
    parser.add_argument("--only", default="", help="mistakes that hold this text")
    parser.add_argument("--drawn", type=int, default=40, help="of each kind that Hypothesis draws")
    parser.add_argument("--every", type=int, default=1, help="one of so many of them alone")
    arguments = parser.parse_args()
    quiet_start.import_tensorflow()  # before the forks, which then need not
    sys.dont_write_bytecode = True  # of plugins, beside them
    every = dict.fromkeys([*bad_inputs.cases(), *drawn_inputs.cases(*known(), arguments.drawn)])
    made = [words for words in every if arguments.only in " ".join(words)][:: arguments.every]
    wrong = count(made, arguments.seconds)
    print(f"{len(made)} inputs; " + ", ".join(f"{kind}: {wrong[kind]}" for kind in _KINDS))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
