"""What `attack_parity` compares: the attacks' cells, and the models with their images."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.attacks_by_hand import Victim
from tfadv import randomness
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.pgd import PGD
from tfadv.data.pipeline import evaluation_indices, some_examples

PGD_STEPS, MOMENTUM_STEPS, AUTO_STEPS = 40, 10, 100
PARTS = {"fgsm": "FGSM", "mi_fgsm": "MIFGSM", "pgd": "PGD", "apgd": "APGD"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of the table, without a model and a peer.

    Attributes:
        attack: of `PARTS`.
        targeted: whether it has a target.
        ball: 'linf' or 'l2'.
        epsilon: in pixels.
    """

    attack: str
    targeted: bool
    ball: str
    epsilon: float

    @property
    def part(self) -> str:
        """Its Python name; a targeted Auto-PGD is a class of its own."""
        return PARTS[self.attack] + ("Targeted" if self.is_auto and self.targeted else "")

    @property
    def is_auto(self) -> bool:
        """Whether it is Auto-PGD, whose goal is any wrong class, targeted or not."""
        return self.attack == "apgd"

    @property
    def spec(self) -> str:
        """What ``Evaluation.attacks`` calls it."""
        goal = "targeted" if self.targeted else "untargeted"
        name = "apgd_targeted" if self.is_auto and self.targeted else self.attack
        return f"{self.attack}_{goal}_{self.ball}/{name}"

    @property
    def step(self) -> float:
        """α of PGD, in pixels."""
        return self.epsilon / 16

    def bindings(self) -> list[str]:
        """Returns what the command line binds for it."""
        values = {"epsilon": self.epsilon, "ball": self.ball}
        if not self.is_auto:
            values["targeted"] = self.targeted
        if self.attack == "pgd":
            values |= {"steps": PGD_STEPS, "step_size": self.step, "step_rule": "fixed"}
            values |= {"clean_start_probability": 1.0}
        elif self.attack == "mi_fgsm":
            values["steps"] = MOMENTUM_STEPS
        elif self.is_auto:
            values["steps"] = AUTO_STEPS
        scope = self.spec.partition("/")[0]
        return [f"eval/{scope}/{self.part}.{name} = {v!r}" for name, v in values.items()]


class Subject:
    """A model and its images, as everyone sees them.

    Args:
        name: for the table.
        path: a bundle's folder or a Keras file.
        logits_fn: of images in 0..1.
        source: of the images.
        count: how many of them.
        flags: of tfadv.evaluate, which choose the model and the images.
    """

    def __init__(self, name, path, logits_fn, source, count, flags):
        self.name, self.path, self.flags = name, path, flags
        self.unit_logits_fn = tf.function(logits_fn, autograph=False)
        self.indices = evaluation_indices(source, count)
        examples = some_examples(source, count)
        self.images = examples["image"].numpy()
        self.labels = examples["label"].numpy().astype(np.int64)
        self.classes = source.classes

    def seeds(self, cell: Cell) -> tf.Tensor:
        """Returns the streams that the evaluation draws from."""
        return randomness.example_seeds(0, f"evaluate {cell.spec}", tf.constant(self.indices))

    def victim(self, cell: Cell) -> Victim:
        """Returns the images with the targets that our evaluation draws, if it draws some."""
        targets = None
        if cell.targeted and not cell.is_auto:
            drawn = PGD(1, 1).targets(
                tf.constant(self.labels, tf.int32), self.classes, self.seeds(cell)
            )
            targets = drawn.numpy().astype(np.int64)
        return Victim(lambda x: self.unit_logits_fn(x / 255), self.images, self.labels, targets)

    def starts(self, cell: Cell) -> list[np.ndarray]:
        """Returns Auto-PGD's first iterates, those of our evaluation, one for each round."""
        rounds = min(9, self.classes - 1) if cell.targeted else 1
        ball = BALLS[cell.ball]
        found = []
        for number in range(rounds):
            seeds = randomness.for_purpose(self.seeds(cell), f"round {number}")
            noise = surface_noise(ball, seeds, self.images.shape[1:])
            centre = tf.constant(self.images)
            start = ball(centre, cell.epsilon).project(centre + cell.epsilon * noise)
            found.append(start.numpy())
        return found

    def ours(self, cells: list[Cell]) -> dict[Cell, np.ndarray]:
        """Evaluates on the command line; returns the classes of each cell's images."""
        attacks = ", ".join(repr(cell.spec) for cell in cells)
        bindings = [
            f"Evaluation.attacks = ({attacks},)",
            f"Evaluation.examples = {len(self.images)}",
        ]
        bindings += [binding for cell in cells for binding in cell.bindings()]
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "record.json"
            flags = [*self.flags, "--plugin=plugins.mi_fgsm", f"--output={output}"]
            flags += [f"--gin_bindings={binding}" for binding in bindings]
            command = [sys.executable, "-m", "tfadv.evaluate", f"--saved_model={self.path}", *flags]
            subprocess.run(command, check=True)
            found = read_verdicts(output.with_suffix(".images.jsonl"))
        order = np.argsort(self.indices)
        by_cell = {}
        for cell in cells:
            indices, classes = found[cell.spec]
            by_cell[cell] = np.empty(len(self.images), np.int64)
            by_cell[cell][order[np.searchsorted(self.indices[order], indices)]] = classes
        return by_cell


def read_verdicts(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns indices and classes of the images by attack, as an evaluation kept them."""
    found: dict[str, list] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()[1:]):
        if line["unit"][1] != "clean":
            classes = np.reshape(line["prediction"], (len(line["index"]), -1))[:, 0]
            found.setdefault(line["unit"][1], []).append((line["index"], classes))
    return {
        spec: tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
        for spec, parts in found.items()
    }
