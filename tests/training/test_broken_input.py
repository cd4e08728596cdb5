"""Images that break while a run goes on: named, saved before, or skipped."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shared.image_files import encoded
from shared.smoke_trainers import claimed, finish, make_plan, mirrored, one_device, values

from tfadv.data.bad_images import BadImagesError
from tfadv.data.pipeline import images_of_step
from tfadv.training.broken_input import skip_unreadable
from tfadv.training.session import Session

PER_CLASS, SIZE, STEPS = 8, 8, 4


@pytest.fixture
def images(tmp_path):
    """Returns bindings that choose 32 noisy files, 4 steps of an epoch."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for number in range(4 * PER_CLASS):
            folder = tmp_path / split / f"class{number % 4}"
            folder.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
            (folder / f"{number:02d}.png").write_bytes(encoded("RGB", "png", pixels))
    return [
        "Experiment.dataset = 'image_folder'",
        f"image_folder.train = '{tmp_path}/train'",
        f"image_folder.test = '{tmp_path}/test'",
        f"image_folder.image_size = {SIZE}",
        "Training.batch_size = 8",
        "Training.steps_per_call = 3",
    ]


def damage(plan, step, damaging=lambda path: path.write_bytes(path.read_bytes()[:60])):
    """Damages an image of a step, after the run looked at all of them; returns its number."""
    source = plan.splits.train
    number = int(images_of_step(len(source), 8, plan.experiment.seed, step)[3])
    damaging(Path(source.title(number)))
    return number


@pytest.mark.parametrize("make", [one_device, mirrored])
def test_the_run_saves_what_was_done_before_and_names_the_file(images, tmp_path, make):
    trainer = make(make_plan("clean", *images))
    broken = damage(trainer.plan, 2)
    directory = claimed(tmp_path / "run", "clean")
    with pytest.raises(BadImagesError, match="was cut short") as error:
        Session(trainer).run(directory)
    assert trainer.plan.splits.train.title(broken) in error.value.message
    assert trainer.step == 2
    assert [path.name for path in directory.checkpoints_path.iterdir()] == ["step-2"]


def test_a_file_that_vanished_is_skipped_and_the_others_stay(images, tmp_path):
    policy = ["BadImages.policy = 'skip'"]
    trainer = one_device(make_plan("clean", *images, *policy))
    source = trainer.plan.splits.train
    gone = damage(trainer.plan, 2, Path.unlink)
    metrics = finish(trainer)
    assert metrics[-1]["step"] == trainer.step == STEPS
    assert source.skipped == {gone: "is gone"}
    # The same as a run in which that file always held what stands in for it.
    stand_in = int(source.stand_in(np.array([gone]))[0])
    Path(source.title(gone)).write_bytes(Path(source.title(stand_in)).read_bytes())
    other = one_device(make_plan("clean", *images))
    if other.plan.splits.train.labels[gone] == source.labels[stand_in]:
        finish(other)
        for name, value in values(other).items():
            np.testing.assert_array_equal(values(trainer)[name], value, err_msg=name)
    else:
        pytest.fail("the file to stand in is of another class: choose another step")
    directory = claimed(tmp_path / "run", "clean")
    directory.note_skipped(trainer.plan.sources)
    noted = json.loads((tmp_path / "run" / "run.json").read_text())["skipped_images"]
    assert noted == {"train": {"count": 1, "files": {source.title(gone): "is gone"}}}


def test_an_error_of_the_step_itself_stays_what_it_is(images):
    plan = make_plan("clean", *images)
    with pytest.raises(tf.errors.InternalError, match="elsewhere"):
        skip_unreadable(plan, 0, tf.errors.InternalError(None, None, "elsewhere"))


def test_input_that_broke_for_no_image_is_told_in_one_line(images):
    plan = make_plan("clean", *images)
    error = tf.errors.UnavailableError(None, None, "{{node IteratorGetNext}} no network\nmore")
    with pytest.raises(BadImagesError, match=r"train: images can't be read: no network$"):
        skip_unreadable(plan, 1, error)
