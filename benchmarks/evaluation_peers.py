"""Our evaluation against the suites' on a trained model: the same verdicts, sooner.

``python -m benchmarks.evaluation_peers verdicts --model_dir=runs/…`` runs targeted PGD
from the images themselves towards the same classes by us, Foolbox and ART.
``… curve`` runs PGD-2000 by us, with cycles skipped, by us in the worst case, and by
Foolbox, which does all steps. ``… autoattack`` runs our AutoAttack and ART's, each
stage once, as the standard has it, and ``… stages`` the stages that both have.
``… compaction`` runs the worst case of untargeted PGD with beaten images leaving the
batch, and without.
"""

import argparse
import dataclasses
import functools
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks import tensorflow_peers
from benchmarks.cases import EPSILON, STEP_SIZE
from tfadv import config, randomness
from tfadv.attacks import Attack
from tfadv.attacks.apgd import APGD
from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.balls import BALLS
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.data.pipeline import evaluation_batches, evaluation_indices, some_examples
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.interop.keras_form import keras_form
from tfadv.losses import cross_entropy
from tfadv.norms import NormMode
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run


class Subject:
    """One branch of a trained model, and the images to attack.

    Args:
        arguments: the command line's.
    """

    def __init__(self, arguments):
        config.read([trained_run.config_file(arguments.model_dir)])
        self.run = trained_run.load(arguments.model_dir, build_plan())
        self.branch = arguments.branch or self.run.model.default_branch
        self.stock = keras_form(self.run.model, self.branch, (0.0, 255.0))
        self.source = self.run.plan.splits.test
        self.batch_size = arguments.batch
        examples = some_examples(self.source, arguments.examples)
        self.images, self.labels = examples["image"].numpy(), examples["label"].numpy()
        self.epsilon = arguments.epsilon

    def evaluate(self, *attacks: Attack, worst_case: bool = False) -> Callable[[], np.ndarray]:
        """Returns a run of our evaluation; it gives the classes after the last attack.

        In the worst case they are those after all attacks.
        """
        named = {f"attack {number}": attack for number, attack in enumerate(attacks)}
        evaluation = dataclasses.replace(
            self.run.plan.evaluation,
            attacks=tuple(named),
            batch_size=self.batch_size,
            examples=len(self.images),
            worst_case=worst_case,
        )

        def run():
            parts = EvaluationParts(self.source, evaluation, named, seed=0)
            devices = tf.distribute.get_strategy()
            made = Evaluator(self.run.model, parts, devices, [self.branch])
            made.evaluate()
            return made.predictions[self.branch, list(named)[-1]]

        return run

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Returns the classes of images, as the model itself sees them."""
        logits_fn = self.run.model.logits_fn(NormMode(self.branch))
        return np.concatenate(
            [np.argmax(logits_fn(tf.constant(part)), 1) for part in np.array_split(images, 8)]
        )


def measured(name: str, run: Callable[[], np.ndarray], subject: Subject) -> tuple:
    """Returns a name, the images left after an attack and the seconds, wall and processor."""
    start, used = time.monotonic(), time.process_time()
    classes = run()
    seconds, processor = time.monotonic() - start, time.process_time() - used
    right = classes == subject.labels
    print(f"{name}: {np.mean(right):.1%} left, {seconds:.1f} s", flush=True)
    return name, right, seconds, processor


def table(results: list[tuple]) -> Table:
    """Returns each run beside the first one."""
    columns = ("accuracy", "same verdicts", "seconds", "times the first")
    found = Table("", *columns, "of the processor", "times the first")
    _, ours, *least = results[0]
    for name, right, *seconds in results:
        cells = [f"{np.mean(right):.1%}", f"{np.mean(right == ours):.2%}"]
        for one, first in zip(seconds, least, strict=True):
            cells += [f"{one:.1f}", f"{one / first:.2f}"]
        found.add_row(name, *cells)
    return found


def from_the_image(steps: int) -> PGD:
    """Returns our targeted PGD with the peers' start, which is the image."""
    return PGD(EPSILON, steps, STEP_SIZE, clean_start_probability=1.0)


def peer(subject: Subject, make: Callable, *arguments) -> Callable[[], np.ndarray]:
    """Returns a run of a peer's targeted PGD, towards the classes that our evaluation draws."""
    index = evaluation_indices(subject.source, len(subject.images))
    seeds = randomness.example_seeds(0, "evaluate attack 0", tf.constant(index))
    classes = subject.source.classes
    targets = from_the_image(1).targets(tf.constant(subject.labels), classes, seeds).numpy()

    def run():
        found = []
        for first in range(0, len(targets), subject.batch_size):
            rows = slice(first, first + subject.batch_size)
            case = types.SimpleNamespace(
                stock=subject.stock,
                images=subject.images[rows],
                targets=targets[rows],
                batch=subject.batch_size,
                classes=classes,
            )
            found.append(make(case, *arguments)())
        return subject.classes(np.concatenate(found))

    return run


def verdicts(subject: Subject, arguments) -> list[tuple]:
    """PGD by us, Foolbox and ART."""
    ours, steps = subject.evaluate(from_the_image(arguments.steps)), arguments.steps
    return [
        measured("tfadv", ours, subject),
        measured("Foolbox", peer(subject, tensorflow_peers.foolbox, steps, True), subject),
        measured("ART", peer(subject, tensorflow_peers.art, steps), subject),
    ]


def curve(subject: Subject, arguments) -> list[tuple]:
    """A long PGD by us, every way there is, and by Foolbox."""
    steps = arguments.steps
    attack = from_the_image(steps)
    foolbox = peer(subject, tensorflow_peers.foolbox, steps, True)
    return [
        measured("tfadv", subject.evaluate(attack), subject),
        measured("Foolbox in a tf.function", foolbox, subject),
        measured("tfadv, worst case", subject.evaluate(attack, worst_case=True), subject),
    ]


def compaction(subject: Subject, arguments) -> list[tuple]:
    """The worst case of untargeted PGD, with and without beaten images leaving the batch."""
    epsilon, steps = subject.epsilon, arguments.steps
    attack = PGD(epsilon, steps, epsilon / 16, targeted=False)
    logits_fn = subject.run.model.logits_fn(NormMode(subject.branch), constant=True)

    @tf.function(autograph=False)
    def every_step(images, labels, seeds):
        ball = BALLS["linf"](images, epsilon)

        def step(count, x, classes):
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = logits_fn(x)
                loss = tf.reduce_sum(cross_entropy(logits, labels))
            found = tf.argmax(logits, -1, tf.int32)
            classes = tf.where((classes == labels) & (count > 0), found, classes)
            moved = ball.project(x + attack.step_size * tf.sign(tape.gradient(loss, x)))
            return count + 1, moved, classes

        clean = tf.argmax(logits_fn(images), -1, tf.int32)
        state = (tf.constant(0), attack.start(images, seeds), clean)
        return tf.while_loop(lambda count, *_: count <= steps, step, state)[2]

    def without():
        index = evaluation_indices(subject.source, len(subject.images))
        found = []
        for batch in evaluation_batches(subject.source, index, subject.batch_size):
            seeds = randomness.example_seeds(0, "evaluate attack 0", batch["index"])
            classes = every_step(batch["image"], batch["label"], seeds)
            found.append(classes.numpy()[batch["counts"].numpy()])
        return np.concatenate(found)

    def leaving():
        """Our evaluation, but for the cycles."""
        index = evaluation_indices(subject.source, len(subject.images))
        clean = subject.classes(subject.images)
        right = clean == subject.labels
        batches = evaluation_batches(subject.source, index[right], subject.batch_size)
        walk = Curve(attack, [steps], skip_cycles=False, worst_case=True)
        seeds_of = functools.partial(randomness.example_seeds, 0, "evaluate attack 0")
        found = {one.index: one.predictions[0] for one in walk.run(logits_fn, batches, seeds_of)}
        clean[right] = [found[number] for number in index[right]]
        return clean

    return [
        measured("beaten images stay", without, subject),
        measured("they leave", leaving, subject),
        measured("and cycles are skipped", subject.evaluate(attack, worst_case=True), subject),
    ]


def art_autoattack(subject: Subject, ball: str, deepfool: bool = True) -> Callable[[], np.ndarray]:
    """Returns a run of ART's AutoAttack, each stage once: its own five would take hours."""
    from art.attacks.evasion import AutoAttack as Peer
    from art.attacks.evasion import DeepFool
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        lambda x, training=False: subject.stock(x, training=False),
        subject.source.classes,
        subject.images.shape[1:],
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0, 255),
    )
    epsilon, norm = subject.epsilon, {"linf": np.inf, "l2": 2}[ball]
    attack = Peer(classifier, norm, epsilon, epsilon / 4, batch_size=subject.batch_size)
    if not deepfool:
        attack.attacks = [stage for stage in attack.attacks if not isinstance(stage, DeepFool)]
    for stage in attack.attacks:
        for name in ("nb_random_init", "nb_restarts"):
            if hasattr(stage, name):
                stage.set_params(**{name: 1})
    return lambda: subject.classes(attack.generate(subject.images, subject.labels))


def art_stages(subject: Subject, ball: str) -> Callable[[], np.ndarray]:
    """Returns a run of ART's stages by us, but for DeepFool."""
    epsilon = subject.epsilon
    apgd, dlr = APGD(epsilon, ball=ball), APGD(epsilon, loss="dlr", ball=ball)
    return subject.evaluate(apgd, dlr, Square(epsilon, ball=ball), worst_case=True)


def autoattack(subject: Subject, arguments) -> list[tuple]:
    """Our AutoAttack and ART's, whose stages are other ones; by us, too, but for DeepFool."""
    epsilon, ball = subject.epsilon, arguments.ball
    return [
        measured("tfadv", subject.evaluate(AutoAttack(epsilon, ball)), subject),
        measured("ART's stages by tfadv", art_stages(subject, ball), subject),
        measured("ART", art_autoattack(subject, ball), subject),
    ]


def stages(subject: Subject, arguments) -> list[tuple]:
    """The stages of ART's AutoAttack but for DeepFool, by us and by ART."""
    ball = arguments.ball
    return [
        measured("tfadv", art_stages(subject, ball), subject),
        measured("ART", art_autoattack(subject, ball, deepfool=False), subject),
    ]


BENCHMARKS = {
    "verdicts": verdicts,
    "curve": curve,
    "compaction": compaction,
    "autoattack": autoattack,
    "stages": stages,
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--branch")
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--steps", type=int, default=100, help="of PGD")
    parser.add_argument(
        "--epsilon", type=float, default=8.0, help="of AutoAttack and compaction, in pixels"
    )
    parser.add_argument("--ball", choices=BALLS, default="linf", help="of AutoAttack")
    arguments = parser.parse_args()
    subject = Subject(arguments)
    Console().print(table(BENCHMARKS[arguments.benchmark](subject, arguments)))


if __name__ == "__main__":
    main()
