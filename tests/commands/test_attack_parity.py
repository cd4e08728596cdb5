"""Attacks as a command line binds them, against NumPy loops on another's Keras model.

Bindings reach attacks on a long way, past those of training: what arrives is seen in the
outcomes, image by image.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.commands import run_command
from sklearn.neural_network import MLPClassifier

from benchmarks import attacks_by_hand as by_hand
from benchmarks.attacks_by_hand import Victim
from benchmarks.parity_subjects import read_verdicts
from tfadv import randomness
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.pgd import PGD
from tfadv.data.digits import digits
from tfadv.data.pipeline import evaluation_indices, some_examples

COUNT, CLASSES, AUTO_STEPS, STEPS = 64, 10, 20, 10
SMALL = [f"Evaluation.examples = {COUNT}", "Evaluation.batch_size = 64"]
FROM_THE_IMAGE = "eval/PGD.clean_start_probability = 1.0"


@pytest.fixture(scope="module")
def external(tmp_path_factory):
    """A Keras file with scikit-learn's weights, which takes images in 0..1."""
    train = some_examples(digits().train, 1297)
    grey = train["image"].numpy()[..., 0].reshape(-1, 64) / 255
    fitted = MLPClassifier((32,), max_iter=300, tol=1e-2, random_state=0)
    fitted.fit(grey, train["label"].numpy())
    inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Dense(32, "relu")
    logits = keras.layers.Dense(CLASSES)
    flat = keras.layers.Flatten()(keras.ops.mean(inputs, axis=3))
    model = keras.Model(inputs, logits(hidden(flat)))
    weights = zip(fitted.coefs_, fitted.intercepts_, strict=True)
    for layer, of_layer in zip((hidden, logits), weights, strict=True):
        layer.set_weights(of_layer)
    path = tmp_path_factory.mktemp("external") / "theirs.keras"
    model.save(path)
    return path, model


def evaluated(path, output, *bindings):
    """Returns the record and the classes after each attack of a command."""
    model = {"saved_model": path, "pixel_range": "0,1", "layout": "NHWC"}
    chosen = {"plugin": "plugins.mi_fgsm", "bindings": (*SMALL, *bindings), "output": output}
    done = run_command("evaluate", **model, **chosen)
    assert done.returncode == 0, done.stderr
    indices = evaluation_indices(digits().test, COUNT)
    classes = {}
    for spec, (index, found) in read_verdicts(output.with_suffix(".images.jsonl")).items():
        classes[spec] = found[np.argsort(index)][np.argsort(np.argsort(indices))]
    rows = {row["attack"]: row for row in json.loads(output.read_text())["attacks"]}
    return rows, classes


class Peer:
    """The same attacks by hand, on the same images towards the same targets."""

    def __init__(self, model):
        batch = some_examples(digits().test, COUNT)
        self.images, self.labels = batch["image"].numpy(), batch["label"].numpy().astype(np.int64)
        self.victim = Victim(lambda x: model(x / 255, training=False), self.images, self.labels)

    def seeds(self, attack):
        return randomness.example_seeds(
            0, f"evaluate {attack}", evaluation_indices(digits().test, COUNT)
        )

    def towards_targets(self, attack):
        labels = tf.constant(self.labels, tf.int32)
        drawn = PGD(1, 1).targets(labels, CLASSES, self.seeds(attack)).numpy()
        return self.victim._replace(targets=drawn.astype(np.int64))

    def starts(self, attack, epsilon, kind, rounds=1):
        for number in range(rounds):
            seeds = randomness.for_purpose(self.seeds(attack), f"round {number}")
            noise = surface_noise(BALLS[kind], seeds, (8, 8, 3)).numpy()
            yield by_hand.projected(self.images + epsilon * noise, self.images, epsilon, kind)

    def classes(self, adversarial):
        return self.victim.classes(adversarial.astype(np.float32))


def compare(peer, rows, classes, expected, targeted):
    for attack, adversarial in expected.items():
        ours, theirs = classes[attack], peer.classes(adversarial)
        left = np.mean(theirs == peer.labels)
        print(f"{attack}: {np.mean(ours == peer.labels):.1%} by us, {left:.1%} by hand")
        assert rows[attack]["targeted"] == targeted[attack], attack
        if attack.startswith("apgd"):  # notes the first mistake, and by hand the last
            ours, theirs = ours == peer.labels, theirs == peer.labels
        assert np.sum(ours != theirs) <= 1, attack  # a tie that rounding turns
        assert 0.02 < left < 0.95, f"{attack}: nothing to compare"


def test_unbound_goals_are_each_attacks_own(external, tmp_path):
    """The protocol binds PGD.targeted = True: that is PGD's alone."""
    epsilon, peer = 32.0, Peer(external[1])
    rows, classes = evaluated(
        external[0],
        tmp_path / "own.json",
        "Evaluation.attacks = ('fgsm', 'mi_fgsm', 'pgd', 'apgd')",
        f"PGD.epsilon = {epsilon}",
        f"APGD.steps = {AUTO_STEPS}",
        FROM_THE_IMAGE,
    )
    threat = epsilon, "linf"
    start = next(peer.starts("apgd", *threat))
    expected = {
        "fgsm": by_hand.fgsm(peer.victim, *threat),
        "mi_fgsm": by_hand.mi_fgsm(peer.victim, *threat, STEPS),
        "pgd": by_hand.pgd(peer.towards_targets("pgd"), *threat, STEPS, 4.0),
        "apgd": by_hand.auto_pgd(peer.victim, *threat, AUTO_STEPS, start),
    }
    targeted = {"fgsm": False, "mi_fgsm": False, "pgd": True, "apgd": False}
    compare(peer, rows, classes, expected, targeted)


def test_bound_goals_and_balls_arrive(external, tmp_path):
    """In L2, which every attack takes from PGD, and with the other goals."""
    epsilon, peer = 300.0, Peer(external[1])
    rows, classes = evaluated(
        external[0],
        tmp_path / "bound.json",
        "Evaluation.attacks = ('fgsm', 'mi_fgsm', 'pgd', 'apgd_targeted')",
        f"PGD.epsilon = {epsilon}",
        "PGD.ball = 'l2'",
        "FGSM.targeted = True",
        "MIFGSM.targeted = True",
        "eval/PGD.targeted = False",
        f"APGDTargeted.steps = {AUTO_STEPS}",
        FROM_THE_IMAGE,
    )
    threat = epsilon, "l2"
    starts = list(peer.starts("apgd_targeted", *threat, rounds=CLASSES - 1))
    step = epsilon / STEPS  # the protocol's evaluation: at least ε/N
    expected = {
        "fgsm": by_hand.fgsm(peer.towards_targets("fgsm"), *threat),
        "mi_fgsm": by_hand.mi_fgsm(peer.towards_targets("mi_fgsm"), *threat, STEPS),
        "pgd": by_hand.pgd(peer.victim, *threat, STEPS, step),
        "apgd_targeted": by_hand.auto_pgd_targeted(peer.victim, *threat, AUTO_STEPS, starts),
    }
    targeted = {"fgsm": True, "mi_fgsm": True, "pgd": False, "apgd_targeted": False}
    compare(peer, rows, classes, expected, targeted)
