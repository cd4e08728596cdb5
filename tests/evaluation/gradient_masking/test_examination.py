"""Honest models of real digits, and the same with hidden gradients, examined."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_evaluator import evaluator_of
from shared.tiny_networks import external_model
from sklearn.neural_network import MLPClassifier

from tfadv import config
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.data.pipeline import evaluation_batches, evaluation_indices, some_examples
from tfadv.errors import UserError
from tfadv.evaluation.gradient_masking import substitute
from tfadv.evaluation.gradient_masking.examination import Examination
from tfadv.evaluation.gradient_masking.indicators import FINE, INDICATORS, NOT_MEASURED, SUSPICIOUS
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.interop.external_checks import transfer_model
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.plan import build_plan
from tfadv.progress import Work

EPSILON = 24.0
INDICATORS_MODULE = "tfadv.evaluation.gradient_masking.indicators"
CHECKUP = Checkup(EPSILON, examples=120, steps=100, restarts=2, queries=300)


@pytest.fixture(autouse=True)
def quick_substitutes(monkeypatch):
    """Digits are learnt sooner."""
    monkeypatch.setattr(substitute, "STEPS", 150)


@pytest.fixture(scope="module")
def splits():
    config.read(["gin/clean.gin"], [])
    return build_plan().splits


@pytest.fixture(scope="module")
def honest(splits):
    """A perceptron of the digits, as a function of images in 0..255."""
    source = splits.train
    batches = evaluation_batches(source, evaluation_indices(source), len(source))
    batch = next(iter(batches))
    pixels = np.reshape(batch["image"], (len(source), -1)) / 255
    random = np.random.default_rng(0)
    noisy = np.clip(pixels + random.uniform(-0.15, 0.15, pixels.shape), 0, 1)
    trained = MLPClassifier((64,), max_iter=60, random_state=0)
    trained.fit(np.concatenate([pixels, noisy]), np.tile(batch["label"], 2))
    (inner, outer), (first, second) = (
        [np.float32(part) for part in parts] for parts in (trained.coefs_, trained.intercepts_)
    )

    def logits(images):
        x = tf.reshape(images, [-1, inner.shape[0]]) / 255
        return tf.nn.relu(x @ inner + first) @ outer + second

    return logits


def examined(function, splits, log=None, checkup=CHECKUP):
    """Returns the records of an examination by the names of the indicators."""
    source, evaluation = splits.test, Evaluation(attacks=(), batch_size=60)
    parts = EvaluationParts(source, evaluation, attacks={}, seed=0, checkup=checkup)
    model, other = external_model({"main": function}, source), transfer_model(checkup, source)
    examination = Examination(model, parts, tf.distribute.get_strategy(), other)
    with Work("examine", examination.cost, quiet=True) as work:
        records = examination.examine("main", log or OutcomeLog(), work)
    return {record["sign"]: record for record in records}


def suspicious(found):
    return {name for name, record in found.items() if record["verdict"] == SUSPICIOUS}


def test_an_honest_model_is_not_suspicious(honest, splits):
    found = examined(honest, splits)
    assert suspicious(found) == set(), found
    assert list(found) == [indicator.name for indicator in INDICATORS]
    # Of a function nothing is known but its outputs.
    not_measured = {n for n, record in found.items() if record["verdict"] == NOT_MEASURED}
    assert not_measured == {"precision", "statistics"}
    fine = [record for record in found.values() if record["verdict"] == FINE]
    assert all(0 <= record["value"] <= record["limit"] for record in fine)


def steps_instead_of_slopes(honest):
    return lambda x: honest(32 * tf.round(x / 32))


def a_saturated_softmax(honest):
    return lambda x: 1e4 * honest(x)


def gradients_of_something_else(honest):
    """Adds zeros whose gradients are large and mean nothing."""

    def logits(x):
        wave = 1e3 * tf.reduce_sum(tf.sin(40 * x), [1, 2, 3])[:, None] * tf.range(10.0)
        return honest(x) + wave - tf.stop_gradient(wave)

    return logits


SEEN_IN_EVERY_MASK = {"black box", "transfer", "any distance"}


@pytest.mark.parametrize(
    ("masked", "also_seen"),
    [
        pytest.param(steps_instead_of_slopes, {"zero gradients"}, marks=pytest.mark.slow),
        (a_saturated_softmax, {"zero gradients", "other losses"}),
        pytest.param(gradients_of_something_else, set(), marks=pytest.mark.slow),
    ],
)
def test_masks_are_seen_through(honest, splits, masked, also_seen):
    found = examined(masked(honest), splits)
    assert suspicious(found) >= SEEN_IN_EVERY_MASK | also_seen, found


class Served(tf.Module):
    """A function as a bundle has it: images in 0..1."""

    def __init__(self, function, shape):
        super().__init__()
        self.serve = tf.function(
            lambda images: function(255 * images),
            input_signature=[tf.TensorSpec([None, *shape], tf.float32)],
        )


def write_bundle(folder, function, source):
    served = Served(function, source.image_shape)
    tf.saved_model.save(served, str(folder))
    batch = some_examples(source, 8)
    images = tf.cast(batch["image"], tf.float32) / 255
    logits = served.serve(images)
    metadata = {
        "input_shape": list(source.image_shape),
        "pixel_range": [0, 1],
        "layout": "NHWC",
        "classes": logits.shape[-1],
        "branch": "main",
        "endpoints": {"main": "serve"},
        "training": {},
    }
    (folder / "metadata.json").write_text(json.dumps(metadata))
    said = {"logits_main": logits, "gradient_main": 0 * images}
    np.savez(folder / "reference.npz", images=images, labels=batch["label"], **said)


def test_attacks_transfer_from_a_bundle_that_the_user_names(honest, splits, tmp_path, monkeypatch):
    """The honest model beneath a mask, where the substitute has learnt nothing."""
    monkeypatch.setattr(f"{INDICATORS_MODULE}.imitation", lambda *_: lambda x: 0 * honest(x))
    source = splits.test
    write_bundle(tmp_path / "bundle", honest, source)
    masked = gradients_of_something_else(honest)
    given = dataclasses.replace(CHECKUP, transfer_from=str(tmp_path / "bundle"))
    without, found = (
        examined(masked, splits, checkup=checkup)["transfer"] for checkup in (CHECKUP, given)
    )
    assert without["verdict"] == FINE and found["verdict"] == SUSPICIOUS
    assert found["value"] > 0.4 > without["value"] + 0.3
    write_bundle(tmp_path / "binary", lambda x: honest(x)[:, :2], source)
    for path, message in (
        ("nothing", "Checkup.transfer_from must be a bundle"),
        ("binary", "classes"),
    ):
        with pytest.raises(UserError, match=message):
            wrong = dataclasses.replace(given, transfer_from=str(tmp_path / path))
            examined(honest, splits, checkup=wrong)


def test_an_examination_resumes(honest, splits, tmp_path, monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 20)
    quick = dataclasses.replace(CHECKUP, examples=30, steps=4, restarts=2, queries=20)
    first = examined(honest, splits, OutcomeLog(tmp_path / "images.jsonl", {}), quick)
    # Nothing is attacked again.
    monkeypatch.setattr("tfadv.evaluation.attack_runner.AttackRunner.attack", None)
    monkeypatch.setattr(f"{INDICATORS_MODULE}.imitation", None)
    again = examined(honest, splits, OutcomeLog(tmp_path / "images.jsonl", {}), quick)
    assert again == first


def test_the_checkup_has_the_radius_of_the_attacks():
    config.read(["gin/clean.gin"], ["Evaluation.doctor = True", "eval/Checkup.steps = 6"])
    plan = build_plan()
    assert plan.checkup == Checkup(64.0, steps=6)
    config.read(["gin/clean.gin"], ["Evaluation.doctor = True", "eval/Checkup.epsilon = 8.0"])
    assert build_plan().checkup.epsilon == 8
    config.read(["gin/clean.gin"], [])
    assert build_plan().checkup is None
    with pytest.raises(UserError, match=r"Checkup.steps must be >= 2, got 1"):
        Checkup(8.0, steps=1)


def test_a_trained_model_is_examined_in_both_precisions_and_statistics(monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 20)  # its transfer is not what is tested
    bindings = [
        "Evaluation.doctor = True",
        "Evaluation.attacks = ()",
        "eval/Checkup.examples = 16",
        "eval/Checkup.steps = 3",
        "eval/Checkup.queries = 5",
    ]
    config.read(["gin/mbn.gin", "gin/scale/smoke.gin"], bindings)
    plan = build_plan()
    model = plan.build_model()
    record = evaluator_of(plan, model, branches=["adv"]).evaluate()
    assert not any(row["verdict"] == NOT_MEASURED for row in record["doctor"]["adv"])
