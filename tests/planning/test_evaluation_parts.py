"""Evaluation without a training set, and of the classes that occur."""

import numpy as np
import pytest
import tensorflow as tf
from shared.image_files import encoded
from shared.tiny_networks import external_model, perceptron

from tfadv import config
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.planning.evaluation_parts import evaluation_parts
from tfadv.planning.plan import build_plan

CLASSES = ["ant", "bee", "cat", "dog", "elk"]
OCCURRING = [1, 4]
LOGITS = perceptron(8 * 8 * 3, len(CLASSES))


@pytest.fixture
def bindings(tmp_path):
    """Returns what chooses six noisy images of two of five classes, and none to train on."""
    random = np.random.default_rng(0)
    for number in range(6):
        folder = tmp_path / "val" / CLASSES[OCCURRING[number % 2]]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(encoded("RGB", "png", pixels))
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    return [
        "Experiment.dataset = 'image_folder'",
        "image_folder.train = None",
        f"image_folder.test = '{tmp_path}/val'",
        "image_folder.image_size = 8",
        f"image_folder.classes = '{tmp_path}/classes.txt'",
        "Evaluation.attacks = ('fgsm',)",
        "Evaluation.batch_size = 4",
    ]


def parts_of(bindings, *more):
    files = [config.PROTOCOL, "gin/scale/smoke.gin"]
    return evaluation_parts(config.read(files, [*bindings, *more]))


def evaluated(parts):
    model = external_model({"main": LOGITS}, parts.all_classes)
    evaluator = Evaluator(parts.of_classes(model), parts, tf.distribute.get_strategy())
    return evaluator.evaluate(), evaluator.predictions


def test_the_logits_of_classes_that_do_not_occur_are_left_out(bindings):
    parts = parts_of(bindings, "Evaluation.classes = 'occurring'")
    record, predictions = evaluated(parts)
    images = np.array([parts.source.fetch(np.int64(n))[0] for n in range(6)])
    logits = LOGITS(images).numpy()
    expected = logits[:, OCCURRING].argmax(-1)
    np.testing.assert_array_equal(predictions["main", "clean"], expected)
    assert list(parts.source.labels) == [0, 0, 0, 1, 1, 1]
    assert record["clean"]["main"]["accuracy"] == pytest.approx(
        np.mean(expected == [0] * 3 + [1] * 3)
    )
    assert set(predictions["main", "fgsm"]) <= {0, 1}
    assert record["classes"] == {"asked_about": 2, "of": 5}
    assert list(parts.all_classes.labels) == [1, 1, 1, 4, 4, 4]


def test_all_classes_compete_unless_that_is_asked_for(bindings):
    parts = parts_of(bindings)
    record, predictions = evaluated(parts)
    assert "classes" not in record
    images = np.array([parts.source.fetch(np.int64(n))[0] for n in range(6)])
    expected = LOGITS(images).numpy().argmax(-1)
    np.testing.assert_array_equal(predictions["main", "clean"], expected)
    assert not set(expected) <= set(OCCURRING)


def test_a_run_needs_images_to_train_on(bindings):
    config.read(["gin/clean.gin", "gin/scale/smoke.gin"], bindings)
    plan = build_plan()
    with pytest.raises(UserError, match="there is nothing to train on, only to evaluate"):
        plan.splits.train.check_present()


def test_a_file_that_vanishes_during_an_evaluation_is_named(bindings, tmp_path):
    parts = parts_of(bindings)
    gone = tmp_path / "val" / "bee" / "2.png"
    gone.unlink()
    with pytest.raises(UserError, match=rf"1 of 6 images can't be read: .*\n  '{gone}' is gone"):
        evaluated(parts)
