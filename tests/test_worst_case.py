"""Worst case, restarts and replicas: verdicts against attacks called one by one."""

import json

import numpy as np
import pytest
import tensorflow as tf
from attackable import make_evaluator, network

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.data.pipeline import some_examples
from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog, Unit
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.losses import cross_entropy
from tfadv.testing import two_cpus
from tfadv.testing.attack_checks import Victim

LENGTHS = (2, 5, 40)
COUNT, SIZE = 11, 4
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, (COUNT, 6, 6, 3)).astype("float32")


def seeds_of(index):
    return randomness.example_seeds(0, "evaluate", index)


def make_attack(targeted):
    return PGD(4.0, 1, 2.0, targeted=targeted)


def first_beaten(logits_fn, labels, targeted):
    """Returns each image's first misclassified iterate after the start, by NumPy's steps."""
    attack, index = make_attack(targeted), tf.range(COUNT, dtype=tf.int64)
    goal = attack.targets(tf.constant(labels), 5, seeds_of(index)) if targeted else labels
    sign = 1 if targeted else -1

    @tf.function(autograph=False)
    def look(x):
        logits = logits_fn(x)
        return logits, tf.gradients(cross_entropy(logits, goal), x)[0]

    x = attack.start(tf.constant(IMAGES), seeds_of(index)).numpy()
    beaten = np.full(COUNT, 10**9)
    for steps in range(1, LENGTHS[-1] + 1):
        gradient = look(tf.constant(x))[1].numpy()
        x = np.clip(x - sign * np.float32(2) * np.sign(gradient), IMAGES - 4, IMAGES + 4)
        x = np.clip(x, 0, 255)
        wrong = np.argmax(look(tf.constant(x))[0], -1) != labels
        beaten[wrong] = np.minimum(beaten[wrong], steps)
    return beaten


def batches(labels):
    for rows in (np.arange(4), np.arange(4, 8), np.arange(7, 11)):
        counts = rows >= (8 if rows[0] == 7 else 0)
        yield {"image": IMAGES[rows], "label": labels[rows], "index": rows, "counts": counts}


@pytest.mark.parametrize("targeted", [True, False])
def test_an_image_is_beaten_by_its_first_misclassified_iterate(targeted):
    logits_fn = Victim()
    labels = np.argmax(logits_fn(IMAGES), -1).astype("int32")
    beaten = first_beaten(logits_fn, labels, targeted)
    robust = np.array([[at > length for length in LENGTHS] for at in beaten])
    assert 0 < robust[:, -1].sum() < robust[:, 0].sum()
    passes = {}
    for skips in (True, False):
        curve = Curve(make_attack(targeted), LENGTHS, skips, worst_case=True, steps_per_call=3)
        for one in curve.run(logits_fn, batches(labels), seeds_of):
            np.testing.assert_array_equal(one.predictions == one.label, robust[one.index])
            if not robust[one.index, -1]:
                assert one.passes == beaten[one.index] + 1
                assert np.argmax(logits_fn(one.final[None])) == one.predictions[-1] != one.label
            passes[skips, one.index] = one.passes
        for batch in batches(labels):
            rows = [tf.constant(batch[name]) for name in ("image", "label", "index")]
            done = tf.function(curve.attack_batch, autograph=False)(
                logits_fn, *rows, seeds_of(batch["index"])
            )
            np.testing.assert_array_equal(
                done.predictions == batch["label"][:, None], robust[batch["index"]]
            )
    left = [index for index in range(COUNT) if robust[index, -1]]
    assert all(passes[False, index] == LENGTHS[-1] + 1 for index in left)
    assert any(passes[True, index] < LENGTHS[-1] + 1 for index in left)


def misleading(steer):
    """Returns logits of class 1 above a shade of 102, whose gradients `steer` turns around."""

    @tf.custom_gradient
    def height(shade):
        return shade - 102, lambda upstream: upstream * steer(shade)

    def logits_fn(images):
        above = height(tf.reduce_mean(images, [1, 2, 3]))
        return tf.stack([tf.zeros_like(above), above], -1)

    return logits_fn


@pytest.mark.parametrize(
    ("steer", "beaten"),
    [
        (lambda shade: -1.0, False),  # 103, 101, 99, 99, …
        (lambda shade: tf.where(shade > 102, -1.0, 1.0), True),  # 103, 101, 103, …
    ],
)
@pytest.mark.parametrize("skips", [True, False])
def test_a_wrong_start_counts_once_the_steps_come_back_to_it(steer, beaten, skips):
    attack = PGD(4.0, 1, 2.0, targeted=False, clean_start_probability=1.0)
    curve = Curve(attack, [12], skips, worst_case=True)
    images, nothing = np.full((2, 1, 1, 3), 103, "float32"), np.zeros(2, "int32")
    batch = {"image": images, "label": nothing, "index": np.arange(2), "counts": nothing == 0}
    for one in curve.run(misleading(steer), [batch], seeds_of):
        assert one.predictions.tolist() == [int(beaten)]


BINDINGS = (
    "Evaluation.attacks = ('fgsm', 'pgd20/pgd', 'other/pgd', 'apgd')",
    "Evaluation.batch_size = 10",
    "eval/pgd20/PGD.steps = 8",
    "eval/PGD.epsilon = 3.0",
    "eval/PGD.step_rule = 'fixed'",
    "eval/other/PGD.loss = 'margin'",
    "eval/other/PGD.targeted = False",
    "eval/other/PGD.steps = 3",
    "eval/APGD.steps = 5",
)


class StoppedError(Exception):
    pass


class StopsAfter(OutcomeLog):
    """Fails as a machine would, in the midst of an evaluation."""

    def __init__(self, path, lines):
        super().__init__(path, {})
        self.lines = lines

    def add(self, unit, columns):
        super().add(unit, columns)
        self.lines -= 1
        if not self.lines:
            with open(self._path, "a") as file:
                file.write('{"unit": ["ad')  # a line half written
            raise StoppedError


def evaluator(*bindings, **arguments):
    return make_evaluator(*BINDINGS, *bindings, branch="adv", **arguments)


def test_worst_case_counts_every_attack_restart_and_iterate():
    worst = ("Evaluation.worst_case = True", "Evaluation.restarts = 2")
    plan, made = evaluator(*worst)
    record = made.evaluate()
    batch = some_examples(plan.splits.test, 20)
    images, labels = batch["image"], tf.cast(plan.splits.test.labels, tf.int32)
    robust = np.argmax(network(images), -1) == labels
    assert record["clean"]["adv"]["accuracy"] == np.mean(robust) < 1
    attacks = plan.evaluation_attacks.items()
    for (spec, attack), row in zip(attacks, record["attacks"], strict=True):
        walked = type(attack) is PGD
        for restart in range(2):
            seeds = randomness.example_seeds(
                0, f"evaluate {spec}", batch["index"] + restart * 2**40
            )
            for steps in range(1, attack.steps + 1) if walked else [None]:
                if walked:
                    attack.steps = steps
                found = network(attack(network, images, labels, seeds))
                robust &= np.argmax(found, -1) == labels
        assert row["accuracy"] == np.mean(robust)
        assert row["attack_success"] == pytest.approx(1 - np.mean(robust))
        assert row["examples"] == 20
    titles = ["FGSM", "PGD-8", "PGD-3", "APGD-CE-5"]
    assert [row.get("after", []) for row in record["attacks"]] == [titles[:n] for n in range(4)]
    assert 0 < record["worst_case"]["adv"]["accuracy"] == np.mean(robust)
    assert np.mean(robust) < record["clean"]["adv"]["accuracy"]


def test_two_replicas_give_the_verdicts_of_one():
    chosen = ("Evaluation.worst_case = True", "Evaluation.attacks = ('fgsm', 'pgd20/pgd')")
    one, two = (evaluator(*chosen, distribution=on)[1].evaluate() for on in (None, two_cpus()))
    for record in (one, two):
        for row in record["attacks"]:
            row.pop("passes_per_image", None)
    assert one == two


def test_a_stopped_evaluation_goes_on_where_it_was(tmp_path):
    whole = evaluator("Evaluation.worst_case = True")[1].evaluate()
    path = tmp_path / "images.jsonl"
    for lines in (2, 5):
        with pytest.raises(StoppedError):
            made = evaluator("Evaluation.worst_case = True", verdicts=StopsAfter(path, lines))[1]
            made.evaluate()
    on = OutcomeLog(path, {})
    assert evaluator("Evaluation.worst_case = True", verdicts=on)[1].evaluate() == whole
    seen = [tuple(json.loads(line)["unit"]) for line in path.read_text().splitlines()[1:]]
    for unit in set(seen):
        index = on.found(Unit(*unit))["index"]
        assert len(index) == len(set(index)), "an image was judged twice"
    again = OutcomeLog(path, {})
    assert again.progress() == on.progress()


def test_another_evaluation_is_not_gone_on_with(tmp_path):
    path = tmp_path / "images.jsonl"
    OutcomeLog(path, {"weights": "a", "branches": ["adv"]}).add(Unit("adv", "x"), {})
    before = path.read_text()
    with pytest.raises(UserError, match=r"another evaluation \(other weights\): choose another"):
        OutcomeLog(path, {"weights": "b", "branches": ["adv"]})
    assert path.read_text() == before
    (tmp_path / "half").write_text('{"about": {"wei')
    assert OutcomeLog(tmp_path / "half", {"weights": "b"}).progress() == "{}"


def test_other_radii_are_other_threats():
    """Beaten at 2ε is not beaten at ε, and the other way round it costs nothing."""
    worst = "Evaluation.worst_case = True"
    chosen = ("Evaluation.attacks = ('pgd20/pgd', 'fgsm')", "Evaluation.radii = (0.5, 3.0)")
    _, made = evaluator(worst, *chosen)
    record = made.evaluate()
    rows = {(row["attack"], row["epsilon"]): row for row in record["attacks"]}
    assert list(rows) == [("pgd", 3.0), ("fgsm", 3.0), ("pgd", 1.5), ("pgd", 9.0)]
    assert [row.get("after") for row in rows.values()] == [None, ["PGD-8"], None, None]
    assert [row["step_size"] for row in rows.values() if "step_size" in row][-2:] == [0.5, 3.0]
    _, alone = evaluator(worst, chosen[0])
    plain = alone.evaluate()
    assert record["worst_case"] == plain["worst_case"]
    assert record["attacks"][:2] == plain["attacks"]
    accuracies = [rows["pgd", epsilon]["accuracy"] for epsilon in (1.5, 3.0, 9.0)]
    assert accuracies == sorted(accuracies, reverse=True) and accuracies[0] > accuracies[-1]
    with pytest.raises(UserError, match="Evaluation.radii must be > 0"):
        evaluator("Evaluation.radii = (0.0,)")
