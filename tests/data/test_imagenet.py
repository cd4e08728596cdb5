"""ImageNet: where its images are, and how odd ones are read."""

import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_files.decoding import decoded
from tfadv.data.image_folder import image_folder
from tfadv.data.imagenet import imagenet
from tfadv.data.inception_crop import InceptionCrop
from tfadv.data.pipeline import Shares, train_batches
from tfadv.errors import UserError


def test_imagenet_can_be_planned_where_it_is_not(monkeypatch):
    monkeypatch.delenv("IMAGENET_DIR", raising=False)
    splits = imagenet()
    assert (len(splits.train), len(splits.test), splits.train.classes) == (1_281_167, 50_000, 1000)
    with pytest.raises(UserError, match=r"imagenet.folder: '\$IMAGENET_DIR' is no folder here"):
        splits.train.check_present()


def test_imagenet_is_a_thousand_folders(folder, monkeypatch):
    (folder / "test").rename(folder / "val")
    monkeypatch.setenv("IMAGENET_DIR", str(folder))
    with pytest.raises(UserError, match="has 2 classes instead of 1000"):
        imagenet()


def test_odd_photographs_are_read_and_augmented(data_dir):
    """Grey, rotated, tiny, huge and long ones."""
    files = sorted((data_dir / "imagenet1k_quirks_orig").rglob("*.[jJ][pP]*[gG]"))
    assert len(files) >= 40
    crop = InceptionCrop(224)
    view = CentreSquare(224, 256, Bicubic(-0.75, antialias=False, whole_pixels=True))
    for number, file in enumerate(files):
        original = decoded(tf.io.read_file(str(file)))
        seed = randomness.example_seeds(0, "augmentation", tf.constant([number]))[0]
        for image in (crop(tf.cast(original, tf.float32), seed), view(original)):
            assert image.shape == (224, 224, 3)
            assert 0 <= tf.reduce_min(image) < tf.reduce_max(image) <= 255


def test_training_sees_whole_images_and_evaluation_their_centres(folder):
    source = image_folder(str(folder / "train"), str(folder / "test"), 8).train
    data = train_batches(source, InceptionCrop(12), 2, Shares(), seed=0, start=0)
    batch = next(iter(data.take(1)))
    assert batch["image"].shape == (2, 12, 12, 3)
