"""Kills commands and gives them again, and compares what they leave with unbroken ones.

``python -m benchmarks.reliability.kills`` kills training, evaluation and export 100 times in
all, by SIGKILL, SIGTERM and SIGINT in turn: a third inside a save, between two of its calls of
the system, the others at any moment. It prints what differs from unbroken commands, what is
left over, every traceback, and the longest time from a signal to the end.
"""

import argparse
import dataclasses
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from benchmarks.reliability import forked
from benchmarks.reliability.left_files import contents, differences, leftovers

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# What a save consists of, beside the contents of files.
_CALLS = ((os, "replace"), (os, "rename"), (os, "fsync"), (os, "mkdir"), (os, "rmdir"))
_CALLS += ((tf.train.Checkpoint, "write"), (os, "unlink"))
_CONFIGURATION = (
    "--gin_file=gin/mbn_alp.gin",
    "--gin_file=gin/scale/smoke.gin",
    *(
        f"--gin_bindings={binding}"
        for binding in (
            "Experiment.deterministic = True",
            "Training.epochs = 6",
            "Training.steps_per_call = 1",
            "synthetic.train_examples = 64",
            "synthetic.test_examples = 64",
        )
    ),
)


@dataclasses.dataclass
class Kills:
    """What is found while commands are killed.

    Attributes:
        done: kills so far.
        inside_saves: of these, those inside a save.
        wrong: what should not have been, in words.
        longest: seconds from a SIGTERM or SIGINT to the end.
    """

    done: int = 0
    inside_saves: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    longest: float = 0.0

    def see(self, what: str, number: int, inside: bool, ended: forked.Ended) -> None:
        """Takes in how a killed command ended."""
        self.done += 1
        self.inside_saves += inside
        self.longest = max(self.longest, ended.after if number != signal.SIGKILL else 0.0)
        code = -number if number == signal.SIGKILL else 128 + number
        if ended.code != code:
            self.wrong.append(f"{what}: exit code {ended.code} instead of {code}")
        if any("Traceback" in line for line in ended.lines):
            self.wrong.append(f"{what}: a traceback, {ended.lines[-1]}")
        said = [line for line in ended.lines if line.startswith(("stopped by", "ended "))]
        if number != signal.SIGKILL and len(said) != 1:
            self.wrong.append(f"{what}: {len(said)} lines say what was left: {ended.lines}")


def kill(words: tuple[str, ...], number: int, moment: float, inside: int) -> forked.Ended:
    """Starts a command and kills it, unless it ends before.

    Args:
        words: the command.
        number: the signal.
        moment: seconds after its start, unless `inside`.
        inside: at which call of a save it gets the signal; 0 for none.
    """
    if inside:
        return forked.Command(words, first=lambda: _signal_at(inside, number)).wait()
    command = forked.Command(words)
    if not command.has_ended(moment):
        command.signal(number)
    return command.wait()


def _signal_at(count: int, number: int) -> None:
    """Makes this process signal itself before or after one of the calls of a save."""
    calls = 0

    def signalling(call: Callable) -> Callable:
        def counted(*arguments, **options):
            nonlocal calls
            calls += 1
            if 2 * calls == count:
                os.kill(os.getpid(), number)
            value = call(*arguments, **options)
            if 2 * calls + 1 == count:
                os.kill(os.getpid(), number)
            return value

        return counted

    for owner, name in _CALLS:
        setattr(owner, name, signalling(getattr(owner, name)))


def count_calls(words: tuple[str, ...]) -> tuple[int, float]:
    """Returns how many calls of saves an unbroken command makes, and its seconds."""
    reading, writing = os.pipe()

    def count() -> None:
        for owner, name in _CALLS:
            call = getattr(owner, name)

            def counted(*arguments, _call=call, **options):
                os.write(writing, b".")
                return _call(*arguments, **options)

            setattr(owner, name, counted)

    ended = forked.run(words, first=count)
    os.close(writing)
    with open(reading, "rb") as pipe:
        calls = len(pipe.read())
    _must_be_whole(words, ended)
    return calls, ended.seconds


def _must_be_whole(words: tuple[str, ...], ended: forked.Ended) -> None:
    if ended.code:
        raise RuntimeError(f"{' '.join(words)} ended with {ended.code}: {ended.lines[-1:]}")


class Subject:
    """A command that is killed.

    Args:
        name: its name.
        words: makes its words, given the folder that it writes in.
        folder: for unbroken ones; the first of them stays in ``NAME-0``.
    """

    def __init__(self, name: str, words: Callable[[Path], tuple[str, ...]], folder: Path):
        self.name, self._words = name, words
        first, second = folder / f"{name}-0", folder / f"{name}-1"
        self.calls, self.seconds = count_calls(words(first))
        _must_be_whole(words(second), forked.run(words(second)))
        self._expected = contents(first)
        # What unbroken ones differ in says nothing of broken ones.
        self.unstable = differences(contents(second), self._expected)

    def killed(self, count: int, rng: random.Random, folder: Path, kills: Kills) -> None:
        """Kills it so many times, gives it again until it ends, and compares."""
        numbers, last = _in_turn(), kills.done + count
        while kills.done < last:
            where = folder / f"killed-{self.name}-{kills.done}"
            self._until_it_ends(last, rng, where, kills, numbers)
            kills.wrong += [f"{where.name}: {path} differs" for path in self._unlike(where)]
            kills.wrong += [f"{where.name}: {path} is left" for path in leftovers(where)]
            shutil.rmtree(where)

    def _until_it_ends(self, last, rng, where: Path, kills: Kills, numbers: Iterator) -> None:
        words = self._words(where)
        while kills.done < last:
            number, is_inside = next(numbers)
            inside = rng.randrange(2, 2 * self.calls + 2) if is_inside else 0
            ended = kill(words, number, rng.uniform(0, self.seconds), inside)
            if ended.code == 0 or self._is_refused(ended, where):
                return
            if ended.code != -number or number == signal.SIGKILL or inside:
                # Python had found the command, which answers signals from then on.
                place = f"inside a save, {inside}" if inside else "at any moment"
                kills.see(f"{where.name}, {number.name} {place}", number, bool(inside), ended)
        ended = forked.run(words)
        if ended.code and not self._is_refused(ended, where):
            kills.wrong.append(f"{where.name}: given again, it ends with {ended.lines[-1:]}")

    def _unlike(self, where: Path) -> list[str]:
        found = differences(contents(where), self._expected)
        return [path for path in found if path not in self.unstable]

    def _is_refused(self, ended: forked.Ended, where: Path) -> bool:
        """Whether a command writes nothing over all that it was killed after."""
        return ended.code == 2 and not self._unlike(where)


def _in_turn() -> Iterator[tuple[signal.Signals, bool]]:
    """Yields signals, and whether they come inside a save: every third does."""
    while True:
        for place in range(3):
            for number in SIGNALS:
                yield number, place == 0


def subjects(folder: Path) -> Iterator[Subject]:
    """Yields the commands, each from what the one before has left."""

    def train(place: Path) -> tuple[str, ...]:
        return "train", *_CONFIGURATION, f"--model_dir={place / 'run'}"

    run = folder / "train-0" / "run"

    def evaluate(place: Path) -> tuple[str, ...]:
        return "evaluate", f"--model_dir={run}", f"--output={place / 'evaluation.json'}"

    def export(place: Path) -> tuple[str, ...]:
        return "export", f"--model_dir={run}", f"--output_dir={place / 'bundle'}"

    for words in (train, evaluate, export):
        yield Subject(words.__name__, words, folder)


def main() -> None:
    """Kills every command; exits with 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    forked.warm_up()
    kills, seen, rng = Kills(), 0, random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        for number, subject in enumerate(subjects(Path(name))):
            count = (arguments.kills + number) // 3
            subject.killed(count, rng, Path(name), kills)
            unstable = f"; {', '.join(subject.unstable)} not compared" if subject.unstable else ""
            print(f"{subject.name}: {count} kills of {subject.seconds:.0f} s{unstable}", flush=True)
            for text in kills.wrong[seen:]:
                print(text, flush=True)
            seen = len(kills.wrong)
    print(
        f"{kills.done} kills, {kills.inside_saves} inside saves: {len(kills.wrong)} wrong; at most "
        f"{kills.longest:.1f} s from a signal to the end"
    )
    sys.exit(1 if kills.wrong else 0)


if __name__ == "__main__":
    main()
