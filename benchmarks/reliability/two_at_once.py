"""Starts every command that writes twice at once: one wins, the other ends in one line.

``python -m benchmarks.reliability.two_at_once`` does it with ``train``, ``evaluate``, ``export``
and ``compare``: the second begins when the first has its lock, and both at the same moment.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.reliability import forked
from tfadv import quiet_start

BOUND = (
    "--gin_bindings=Training.epochs = 40",
    "--gin_bindings=Training.steps_per_call = 1",
    "--gin_bindings=Evaluation.attacks = ('pgd100/pgd',)",
    "--gin_bindings=eval/pgd100/PGD.steps = 100",
)
SMOKE = ("--gin_file=gin/scale/smoke.gin", *BOUND)
RUN = ("train", "--gin_file=gin/mbn.gin", *SMOKE, "--model_dir=run")
# The words of each, and what is locked while it runs.
COMMANDS = {
    "train": ((*RUN[:-1], "--model_dir=new"), "new/writer.lock"),
    "evaluate": (("evaluate", "--model_dir=run", "--output=new.json"), "new.lock"),
    "export": (("export", "--model_dir=run", "--output_dir=new"), "new.lock"),
    "compare": (
        ("compare", "--recipe=gin/mbn.gin", "--seeds=0", *SMOKE, "--output_dir=new"),
        "new/compare.lock",
    ),
}


def both(name: str, folder: Path, at_once: bool) -> str:
    """Returns what is wrong with two of a command, or ``""``."""
    words, lock = COMMANDS[name]
    first = forked.Command(words, folder)
    while not at_once and not (folder / lock).exists():
        time.sleep(0.005)
    ended = [forked.Command(words, folder).wait(), first.wait()]
    winners = [one for one in ended if one.code == 0]
    losers = [
        one for one in ended if one.refused and "is being written by process" in one.lines[-1]
    ]
    left = [path.name for path in folder.rglob("*") if path.suffix in (".lock", ".partial")]
    if len(winners) == len(losers) == 1 and not left:
        return ""
    return f"{[(one.code, one.lines[-1:]) for one in ended]}, left over: {left}"


def main() -> None:
    """Prints what is wrong, and the figure; exits with 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="one of the commands")
    parser.add_argument("--once", action="store_true", help="only the second way")
    arguments = parser.parse_args()
    quiet_start.import_tensorflow()
    wrong = pairs = 0
    with tempfile.TemporaryDirectory() as name:
        if arguments.only not in ("train", "compare"):
            made = forked.run(RUN, Path(name))
            assert made.code == 0, made.lines
        for command in [arguments.only] if arguments.only else COMMANDS:
            for at_once in (True,) if arguments.once else (False, True):
                place = Path(name) / f"{command}{at_once}"
                place.mkdir()
                if (Path(name) / "run").exists():
                    (place / "run").symlink_to(Path(name) / "run")
                found = both(command, place, at_once)
                pairs += 1
                if found:
                    wrong += 1
                    print(f"{command}: {found}", flush=True)
    print(f"{pairs} pairs of commands at once, {wrong} without one winner and one line")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
