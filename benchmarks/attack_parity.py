"""Verdicts of our attacks through ``python -m tfadv.evaluate``, Foolbox's, and by-hand loops'.

``python -m benchmarks.attack_parity --model_dir=runs/…`` exports a bundle of the run and
trains another's Keras model on the run's images. Both are attacked, from the same starts
towards the same targets, by FGSM, MI-FGSM, PGD and Auto-PGD, in L∞ and L2, targeted and
not; the other's, which is undefended, at a quarter of ε. They are attacked by us on the
command line, by NumPy (`attacks_by_hand`), by Foolbox and, where Foolbox's attack is another
one, by CleverHans. A verdict of an image is whether it is classified as its label, as the
target or otherwise. It needs the suites (make test-suites) and a run of seed 0.
"""

import argparse
import dataclasses
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks import attacks_by_hand as by_hand
from benchmarks.attacks_by_hand import Victim
from benchmarks.parity_subjects import (
    AUTO_STEPS,
    MOMENTUM_STEPS,
    PARTS,
    PGD_STEPS,
    Cell,
    Subject,
)
from tfadv import config
from tfadv.data.pipeline import some_examples
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run

MODELS = ("bundle", "foreign")


def in_numpy(subject: Subject, cell: Cell) -> np.ndarray:
    """Returns the adversarial images of the by-hand loops."""
    victim, threat = subject.victim(cell), (cell.epsilon, cell.ball)
    match cell.attack:
        case "fgsm":
            return by_hand.fgsm(victim, *threat)
        case "pgd":
            return by_hand.pgd(victim, *threat, PGD_STEPS, cell.step)
        case "mi_fgsm":
            return by_hand.mi_fgsm(victim, *threat, MOMENTUM_STEPS)
    starts = subject.starts(cell)
    if cell.targeted:
        return by_hand.auto_pgd_targeted(victim, *threat, AUTO_STEPS, starts)
    return by_hand.auto_pgd(victim, *threat, AUTO_STEPS, *starts)


def foolbox(subject: Subject, cell: Cell) -> np.ndarray:
    """Returns those of Foolbox, which works in the model's own 0..1."""
    import foolbox as fb

    linf = cell.ball == "linf"
    if cell.attack == "fgsm" and not cell.targeted:
        attack = fb.attacks.LinfFastGradientAttack() if linf else fb.attacks.L2FastGradientAttack()
    else:  # Foolbox's FGSM knows no targets: it is its PGD with one step
        steps, step = (1, cell.epsilon) if cell.attack == "fgsm" else (PGD_STEPS, cell.step)
        kind = fb.attacks.LinfPGD if linf else fb.attacks.L2PGD
        attack = kind(abs_stepsize=step / 255, steps=steps, random_start=False)
    victim = subject.victim(cell)
    criterion = fb.criteria.Misclassification(tf.constant(victim.labels))
    if cell.targeted:
        criterion = fb.criteria.TargetedMisclassification(tf.constant(victim.targets))
    model = fb.TensorFlowModel(subject.unit_logits_fn, bounds=(0, 1))
    images = tf.constant(subject.images / 255)
    return 255 * attack.run(model, images, criterion, epsilon=cell.epsilon / 255).numpy()


def cleverhans(subject: Subject, cell: Cell) -> np.ndarray:
    """Returns those of CleverHans' MI-FGSM; Foolbox's adds up signs, not gradients."""
    from cleverhans.tf2.attacks.momentum_iterative_method import momentum_iterative_method

    victim = subject.victim(cell)
    found = momentum_iterative_method(
        subject.unit_logits_fn,
        tf.constant(subject.images / 255),
        eps=cell.epsilon / 255,
        eps_iter=cell.epsilon / MOMENTUM_STEPS / 255,
        nb_iter=MOMENTUM_STEPS,
        norm=np.inf if cell.ball == "linf" else 2,
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(victim.labels if victim.targets is None else victim.targets),
        targeted=cell.targeted,
        sanity_checks=False,
    )
    return 255 * found.numpy()


def peers(cell: Cell) -> dict[str, Callable[[Subject, Cell], np.ndarray]]:
    """Returns who has the attack: there is no Auto-PGD in Foolbox or CleverHans."""
    suites = {"mi_fgsm": {"CleverHans": cleverhans}, "apgd": {}}
    return {"by hand": in_numpy} | suites.get(cell.attack, {"Foolbox": foolbox})


def rows(subject: Subject, cells: list[Cell]) -> Iterator[dict]:
    """Yields a record for each cell and peer."""
    ours = subject.ours(cells)
    for cell in cells:
        victim = subject.victim(cell)
        judged = functools.partial(verdicts, victim)
        for name, attack in peers(cell).items():
            theirs = victim.classes(attack(subject, cell).astype(np.float32))
            yield dataclasses.asdict(cell) | {
                "peer": name,
                "model": subject.name,
                "ours": float(np.mean(ours[cell] == subject.labels)),
                "theirs": float(np.mean(theirs == subject.labels)),
                "same": float(np.mean(judged(ours[cell]) == judged(theirs))),
                "examples": len(subject.labels),
            }


def verdicts(victim: Victim, classes: np.ndarray) -> np.ndarray:
    """Returns 0 for the label, 1 for another class and 2 for the target, int [N]."""
    reached = False if victim.targets is None else classes == victim.targets
    return np.where(classes == victim.labels, 0, np.where(reached, 2, 1))


def bundle_of(model_dir: Path, branch: str | None, count: int, folder: Path) -> Subject:
    """Exports a run."""
    path = folder / "bundle"
    export = ["tfadv.export", f"--model_dir={model_dir}", f"--output_dir={path}"]
    subprocess.run([sys.executable, "-m", *export], check=True)
    loaded = LoadedBundle(path, branch)
    source = splits_of(model_dir).test
    flags = [f"--branch={loaded.branch}"]
    return Subject(f"bundle, {loaded.branch}", path, loaded, source, count, flags)


def foreign_for(model_dir: Path, count: int, folder: Path) -> Subject:
    """Trains another's undefended classifier on a run's images in 0..1."""
    splits = splits_of(model_dir)
    examples = some_examples(splits.train, len(splits.train))
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(width, 3, 2, "same", activation="relu") for width in (32, 64)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(splits.train.classes)]
    model = keras.Sequential([keras.Input(splits.train.image_shape), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(examples["image"] / 255, examples["label"], 64, epochs=5, verbose=0)
    path = folder / "foreign.keras"
    model.save(path)
    flags = [
        "--pixel_range=0,1",
        "--layout=NHWC",
        f"--gin_file={trained_run.config_file(model_dir)}",
    ]
    return Subject("Keras", path, model, splits.test, count, flags)


def splits_of(model_dir: Path):
    """Returns the images of a run."""
    config.read([trained_run.config_file(model_dir)])
    return build_plan().splits


def cells_of(linf: float, l2: float) -> list[Cell]:
    """Returns every attack in every goal and ball, of these radii in pixels."""
    return [
        Cell(attack, targeted, ball, epsilon)
        for attack in PARTS
        for ball, epsilon in (("linf", linf), ("l2", l2))
        for targeted in (False, True)
    ]


def table(found: list[dict]) -> Table:
    """Returns the rows as a table."""
    table = Table("attack", "goal", "ball", "ε", "peer", "model", "ours", "theirs", "same verdicts")
    for row in found:
        goal = "targeted" if row["targeted"] else "untargeted"
        shares = (f"{row[name]:.1%}" for name in ("ours", "theirs", "same"))
        of_cell = row["attack"], goal, row["ball"], f"{row['epsilon']:g}"
        table.add_row(*of_cell, row["peer"], row["model"], *shares)
    return table


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--branch")
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--linf", type=float, default=8.0, help="ε of L∞, in pixels")
    parser.add_argument("--l2", type=float, default=128.0, help="ε of L2, in pixels")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    run, count = arguments.model_dir, arguments.examples
    found = []
    with tempfile.TemporaryDirectory() as name:
        for model in arguments.models:
            if model == "bundle":
                subject, share = bundle_of(run, arguments.branch, count, Path(name)), 1
            else:  # an undefended model would have nothing left to compare
                subject, share = foreign_for(run, count, Path(name)), 1 / 4
            for row in rows(subject, cells_of(share * arguments.linf, share * arguments.l2)):
                found.append(row)
                print(json.dumps(row), flush=True)
    Console().print(table(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
