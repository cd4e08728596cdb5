"""Honest models of real digits, and the same with hidden gradients, examined."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.neural_network import MLPClassifier

from tfadv import config
from tfadv.config.evaluation_settings import Checkup
from tfadv.data.pipeline import evaluation_batches, evaluation_indices
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.gradient_masking import substitute
from tfadv.evaluation.gradient_masking.examination import (
    FINE,
    NOT_MEASURED,
    SUSPICIOUS,
    Examination,
)
from tfadv.evaluation.gradient_masking.indicators import INDICATORS
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.models.external import ExternalModel
from tfadv.planning.plan import Evaluation, build_plan
from tfadv.progress import Work

EPSILON = 24.0
CHECKUP = Checkup(EPSILON, examples=120, steps=100, restarts=2, queries=300)


@pytest.fixture(autouse=True)
def quick_imitations(monkeypatch):
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


def examined(function, splits, verdicts=None, checkup=CHECKUP):
    evaluation = Evaluation(attacks=(), batch_size=60)
    model = ExternalModel("digits", {"main": function}, (0.0, 255.0))
    doctor = Examination(
        model, splits.test, evaluation, checkup, INDICATORS, tf.distribute.get_strategy(), seed=0
    )
    with Work("examine", doctor.cost, quiet=True) as work:
        found = doctor.examine("main", verdicts or OutcomeLog(), work)
    return {sign["sign"]: sign for sign in found}


def suspicious(found):
    return {name for name, sign in found.items() if sign["verdict"] == SUSPICIOUS}


def test_an_honest_model_has_no_sign(honest, splits):
    found = examined(honest, splits)
    assert suspicious(found) == set(), found
    assert list(found) == [sign.name for sign in INDICATORS]
    # Of a function nothing is known but its outputs.
    assert {n for n, sign in found.items() if sign["verdict"] == NOT_MEASURED} == {
        "precision",
        "statistics",
    }
    fine = [sign for sign in found.values() if sign["verdict"] == FINE]
    assert all(0 <= sign["value"] <= sign["limit"] for sign in fine)


MASKS = {
    "steps instead of slopes": (
        lambda honest, x: honest(32 * tf.round(x / 32)),
        {"zero gradients", "black box", "transfer", "any distance"},
    ),
    "a saturated softmax": (
        lambda honest, x: 1e4 * honest(x),
        {"zero gradients", "other losses", "black box", "transfer", "any distance"},
    ),
    "gradients of something else": (
        lambda honest, x: honest(x) + _nothing_but_gradients(x),
        {"black box", "transfer", "any distance"},
    ),
}


def _nothing_but_gradients(x):
    """Returns zeros [N, 10] whose gradients are large and mean nothing."""
    wave = 1e3 * tf.reduce_sum(tf.sin(40 * x), [1, 2, 3])[:, None] * tf.range(10.0)
    return wave - tf.stop_gradient(wave)


@pytest.mark.parametrize("mask", MASKS)
def test_masks_are_seen_through(honest, splits, mask):
    hide, expected = MASKS[mask]
    found = examined(lambda x: hide(honest, x), splits)
    assert len(suspicious(found)) >= 3
    assert expected <= suspicious(found), found


class Imitated(tf.Module):
    """A function as a bundle has it: images in 0..1."""

    def __init__(self, function, shape):
        super().__init__()
        self.serve = tf.function(
            lambda images: function(255 * images),
            input_signature=[tf.TensorSpec([None, *shape], tf.float32)],
        )


def write_bundle(folder, function, source):
    tf.saved_model.save(Imitated(function, source.image_shape), str(folder))
    message = {"endpoints": {"main": "serve"}, "pixel_range": [0, 1], "layout": "NHWC"}
    (folder / "metadata.json").write_text(json.dumps(message))


def test_a_model_of_the_users_is_transferred_from(honest, splits, tmp_path, monkeypatch):
    """The honest model beneath a mask, where the imitation has learnt nothing."""
    monkeypatch.setattr("tfadv.signs.imitation", lambda *_: lambda x: 0 * honest(x))
    source = splits.test
    write_bundle(tmp_path / "bundle", honest, source)
    hide, _ = MASKS["gradients of something else"]
    given = dataclasses.replace(CHECKUP, transfer_from=str(tmp_path / "bundle"))
    without, found = (
        examined(lambda x: hide(honest, x), splits, checkup=checkup)["transfer"]
        for checkup in (CHECKUP, given)
    )
    assert without["verdict"] == FINE and found["verdict"] == SUSPICIOUS
    assert found["value"] > 0.4 > without["value"] + 0.3
    write_bundle(tmp_path / "binary", lambda x: honest(x)[:, :2], source)
    for path, message in (
        ("nothing", "Checkup.transfer_from must be a bundle"),
        ("binary", "classes"),
    ):
        with pytest.raises(UserError, match=message):
            examined(
                honest,
                splits,
                checkup=dataclasses.replace(given, transfer_from=str(tmp_path / path)),
            )


def test_an_examination_goes_on_where_it_was(honest, splits, tmp_path, monkeypatch):
    quick = dataclasses.replace(CHECKUP, examples=30, steps=4, restarts=2, queries=20)
    first = examined(honest, splits, OutcomeLog(tmp_path / "images.jsonl", {}), quick)
    monkeypatch.setattr("tfadv.judge.Judge.attack", None)  # nothing is attacked again
    monkeypatch.setattr("tfadv.signs.imitation", None)
    again = examined(honest, splits, OutcomeLog(tmp_path / "images.jsonl", {}), quick)
    assert again == first


def test_the_checkup_takes_the_attacks_radius():
    config.read(["gin/clean.gin"], ["Evaluation.doctor = True", "eval/Checkup.steps = 6"])
    plan = build_plan()
    assert plan.checkup == Checkup(64.0, steps=6)
    config.read(["gin/clean.gin"], ["Evaluation.doctor = True", "eval/Checkup.epsilon = 8.0"])
    assert build_plan().checkup.epsilon == 8
    config.read(["gin/clean.gin"], [])
    assert build_plan().checkup is None
    with pytest.raises(UserError, match=r"Checkup.steps must be >= 2, got 1"):
        Checkup(8.0, steps=1)


def test_a_model_of_ours_is_examined_in_both_precisions_and_statistics():
    """And an untrained one hides nothing."""
    bindings = [
        "Evaluation.doctor = True",
        "Evaluation.attacks = ()",
        "eval/Checkup.examples = 16",
        "eval/Checkup.steps = 3",
        "eval/Checkup.queries = 5",
    ]
    config.read(["gin/mbn.gin", "gin/scale/smoke.gin"], bindings)
    plan = build_plan()
    model = plan.experiment.build_model(plan.splits)
    evaluator = Evaluator(
        model,
        plan.splits.test,
        plan.evaluation,
        plan.evaluation_attacks,
        tf.distribute.get_strategy(),
        seed=0,
        branches=["adv"],
        checkup=plan.checkup,
    )
    record = evaluator.evaluate()
    assert not any(sign["verdict"] == NOT_MEASURED for sign in record["doctor"]["adv"])
