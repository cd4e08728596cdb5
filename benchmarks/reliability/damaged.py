"""Damages what runs, evaluations and bundles leave, one file at a time.

``python -m benchmarks.reliability.damaged`` cuts, flips, empties, removes or edits a file, gives
the command that reads it, and looks: either that says in a line what is wrong, or it ends with
what it ends with where nothing is damaged. A training must not begin at step 0 where a whole
checkpoint is. ``--share=N`` tries every N-th damage only.
"""

import argparse
import itertools
import json
import random
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.reliability import forked
from tfadv import quiet_start
from tfadv.digests import manifest

BOUND = (
    "Experiment.deterministic = True",
    "ResNet.blocks = (1,)",
    "Training.epochs = 4",
    "Training.steps_per_call = 1",
    "Training.checkpoint_every_epochs = 1",
    "Training.keep_every_epochs = 2",
    "Evaluation.attacks = ('fgsm',)",
    "Evaluation.batch_size = 5",
)
FILES = ("--gin_file=gin/mbn.gin", "--gin_file=gin/scale/smoke.gin")
TRAIN = ("train", *FILES, *(f"--gin_bindings={binding}" for binding in BOUND), "--model_dir=run")
EVALUATE = ("evaluate", "--model_dir=run", "--output=out/a.json")
EXPORT = ("export", "--model_dir=run", "--output_dir=bundle")
OF_BUNDLE = ("evaluate", "--saved_model=bundle", "--output=out/b.json")
COMMANDS = (TRAIN, EVALUATE, EXPORT, OF_BUNDLE)

NEWEST = "run/checkpoints/newest/"  # step 3 of an interrupted run, else 4
OF_STEP = ("variables.index", "variables.data-00000-of-00001", "manifest.json")
# The files, with the commands that read them and what these write.
READ = {
    **{f"run/{name}": (TRAIN, EVALUATE) for name in ("config.gin", "run.json", "metrics.jsonl")},
    **{NEWEST + name: (TRAIN, EVALUATE, EXPORT) for name in OF_STEP},
    "run/results.json": (TRAIN, EXPORT),
    "out/a.images.jsonl": (EVALUATE,),
    **{
        f"bundle/{name}": (OF_BUNDLE,)
        for name in (
            "metadata.json",
            "manifest.json",
            "reference.npz",
            "config.gin",
            "saved_model.pb",
            "variables/variables.index",
            "variables/variables.data-00000-of-00001",
        )
    },
}


def cut(content: bytes, drawn: random.Random) -> bytes:
    return content[: drawn.randrange(1, len(content) - 1)]


def flipped(content: bytes, drawn: random.Random) -> bytes:
    place = drawn.randrange(len(content))
    return (
        content[:place] + bytes([content[place] ^ 1 << drawn.randrange(7)]) + content[place + 1 :]
    )


def emptied(content: bytes, drawn: random.Random) -> bytes:
    return b""


def edited(content: bytes, drawn: random.Random) -> bytes:
    """Another digit in place of one, as somebody would who wants another number there."""
    places = [match.start() for match in re.finditer(rb"[0-8]", content)]
    place = drawn.choice(places)
    return content[:place] + bytes([content[place] + 1]) + content[place + 1 :]


def doubled(content: bytes, drawn: random.Random) -> bytes:
    """One line twice, or the second half twice."""
    lines = content.splitlines(keepends=True)
    place = drawn.randrange(len(lines))
    return b"".join([*lines[: place + 1], *lines[place:]])


DAMAGES = (cut, flipped, edited, emptied, doubled, None)


def cases() -> Iterator[tuple[str, object, tuple[str, ...]]]:
    """Yields a file, what is done to it (None removes it), and the command."""
    for damage, (file, commands) in itertools.product(DAMAGES, READ.items()):
        for command in commands:
            yield file, damage, command


def prepare(folder: Path) -> None:
    """Makes what is to be damaged: all that a run, an evaluation and an export leave."""
    for words in COMMANDS:
        made = run(words, folder)
        if made.code:
            raise RuntimeError(f"{words}: {made.lines}")


def run(words: tuple[str, ...], folder: Path) -> forked.Ended:
    """Runs one of the commands."""
    return forked.run(words, folder, lambda: op_by_op(words))


def op_by_op(words: tuple[str, ...]) -> None:
    """Runs at once what is traced elsewhere: sooner, where everything is tiny."""
    warnings.simplefilter("ignore")  # about just that
    tf.config.run_functions_eagerly(words[0] != "export")  # which has to trace


def interrupt(folder: Path, file: str, command: tuple[str, ...]) -> None:
    """Takes away what the command would make, as if it had been killed half-way."""
    if command == TRAIN and file != "run/results.json":
        (folder / "run/results.json").unlink()
        shutil.rmtree(folder / "run/checkpoints/step-4")
    if command == EXPORT:
        shutil.rmtree(folder / "bundle")
    for name in {EVALUATE: "a", OF_BUNDLE: "b"}.get(command, ""):
        for path in (folder / "out").glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if file == "out/a.images.jsonl":
        shutil.copy(folder / "log", folder / file)


def outcome(folder: Path, command: tuple[str, ...]) -> object:
    """Returns what a command is for."""
    if command == TRAIN:
        weights = folder / "run/checkpoints/step-4/manifest.json"
        return [_json(folder / "run/results.json"), weights.exists() and _json(weights)["files"]]
    if command == EXPORT:
        with np.load(folder / "bundle/reference.npz") as arrays:
            logits = {name: array.tolist() for name, array in arrays.items()}
        return [logits, _json(folder / "bundle/metadata.json")["accuracy"]]
    name = "a" if command == EVALUATE else "b"
    return _json(folder / f"out/{name}.json")


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def verdict(whole: Path, place: Path, file: str, damage, command, drawn, expected) -> str:
    """Returns 'detected', 'harmless', or what is wrong."""
    shutil.copytree(whole, place)
    interrupt(place, file, command)
    target = place / file.replace("newest", "step-3" if command == TRAIN else "step-4")
    if damage is None:
        target.unlink()
    else:
        target.write_bytes(damage(target.read_bytes(), drawn))
    before = manifest(place)
    ended = run(command, place)
    if ended.refused:
        after = manifest(place)
        changed = {name for name, noted in before.items() if after.get(name) != noted}
        changed -= {"run/run.json"} if command == TRAIN else set()  # which counts the starts
        return f"it changed {changed}" if changed else "detected"
    if ended.code != 0:
        return f"exit code {ended.code}: {ended.lines[-2:]}"
    if command == TRAIN and "train 1/4" in ended.printed:
        return "it began at step 0"
    lines = [*ended.lines, *ended.printed.splitlines()]
    said = [line for line in lines if line.startswith(("warning: ", "note: "))]
    if outcome(place, command) == expected:
        return "detected" if said else "harmless"
    return "detected" if said else f"another result without a word: {ended.printed[-300:]}"


def main() -> None:
    """Prints what is wrong, and the figure; exits with 1 if something is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=1, help="every which damage to try")
    parser.add_argument("--seed", type=int, default=0, help="of what is cut, flipped and edited")
    parser.add_argument("--only", default="", help="files whose names hold this text")
    arguments = parser.parse_args()
    quiet_start.import_tensorflow()
    drawn, found = random.Random(arguments.seed), []
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        prepare(whole)
        log = (whole / "out/a.images.jsonl").read_text()
        (whole / "log").write_text(log[: len(log) * 3 // 4])
        expected = {words: outcome(whole, words) for words in COMMANDS}
        chosen = [case for case in cases() if arguments.only in case[0]]
        for number, (file, damage, command) in enumerate(chosen[:: arguments.share]):
            place = Path(name) / f"damaged{number}"
            what = verdict(whole, place, file, damage, command, drawn, expected[command])
            shutil.rmtree(place)
            found.append(what)
            if what not in ("detected", "harmless"):
                how = damage.__name__ if damage else "removed"
                print(f"{command[0]}, {file} {how}: {what}", flush=True)
    detected, harmless = found.count("detected"), found.count("harmless")
    wrong = len(found) - detected - harmless
    print(f"{len(found)} damages: {detected} detected, {harmless} harmless, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
