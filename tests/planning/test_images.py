"""The images of a run: their channels, and the policy for those that can't be read."""

import numpy as np
import pytest
from shared.image_files import encoded
from shared.smoke_trainers import finish, make_plan, one_device

from tfadv.data.bad_images import BadImagesError
from tfadv.errors import UserError

MODES = {1: "L", 2: "LA", 4: "RGBA"}


@pytest.fixture
def bindings(tmp_path):
    """Returns what chooses 16 noisy PNGs of four channels, 8 to train on."""
    random = np.random.default_rng(0)
    for number in range(16):
        folder = tmp_path / ("train", "test")[number % 2] / f"class{number // 2 % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (8, 8, 4), np.uint8)
        (folder / f"{number:02d}.png").write_bytes(encoded("RGBA", "png", pixels))
    return [
        "Experiment.dataset = 'image_folder'",
        f"image_folder.train = '{tmp_path}/train'",
        f"image_folder.test = '{tmp_path}/test'",
        "image_folder.image_size = 8",
        "Training.batch_size = 4",
    ]


@pytest.mark.parametrize("channels", [1, 4])
def test_a_model_sees_the_channels_that_are_asked_for(bindings, channels):
    trainer = one_device(make_plan("clean", *bindings, f"Experiment.channels = {channels}"))
    assert trainer.model.image_shape == (8, 8, channels)
    assert finish(trainer)[-1]["step"] == 2
    splits = trainer.plan.splits
    images = np.array([splits.train.fetch(np.int64(n))[0] for n in range(len(splits.train))])
    assert images.shape == (8, 8, 8, channels) and images.std() > 10


def test_files_without_those_channels_are_unreadable(bindings):
    with pytest.raises(BadImagesError, match="8 of 8 images .*\n.*4 channels, not a PNG of grey"):
        make_plan("clean", *bindings, "Experiment.channels = 2")


def test_a_data_set_may_have_channels_of_its_own():
    with pytest.raises(UserError, match="the data set 'synthetic' has channels of its own"):
        make_plan("clean", "Experiment.channels = 1")


def test_changes_of_colour_need_colours(bindings):
    crop = ["Experiment.augmentation = 'inception_crop'", "InceptionCrop.image_size = 8"]
    with pytest.raises(UserError, match="InceptionCrop as it is bound changes images of 3"):
        make_plan("clean", *bindings, *crop, "Experiment.channels = 1")
    plain = ["InceptionCrop.jitter = 0.0", "InceptionCrop.lighting = 0.0"]
    plan = make_plan("clean", *bindings, *crop, *plain, "Experiment.channels = 1")
    image, _ = plan.splits.train.fetch_original(np.int64(0))
    assert plan.augmentation(image, np.array([1, 2])).shape == (8, 8, 1)


def test_bad_images_of_either_split_stop_a_run_before_it_begins(bindings, tmp_path):
    file = tmp_path / "test" / "class0" / "01.png"
    file.write_bytes(b"")
    with pytest.raises(BadImagesError, match="image_folder.test: 1 of 8 images .*\n.*is empty"):
        make_plan("clean", *bindings)
    skipping = ["BadImages.policy = 'skip'", "BadImages.share_at_most = 0.2"]
    plan = make_plan("clean", *bindings, *skipping)
    assert plan.splits.test.skipped and not plan.splits.train.skipped
