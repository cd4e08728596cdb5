"""ImageNet: where its images are, and how odd ones are read."""

import pytest
import tensorflow as tf
from shared.image_files import encoded

from tfadv import randomness
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.class_lists import class_list
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


def write_imagenet(folder, splits=("train", "val"), classes=1000):
    """Writes an image of each class, of which all are one file."""
    file = folder / "an_image.png"
    file.write_bytes(encoded("RGB", "png"))
    for split in splits:
        for name in class_list("imagenet", "")[:classes]:
            (folder / split / name).mkdir(parents=True)
            (folder / split / name / f"{name}_1.JPEG").symlink_to(file)


def test_imagenet_is_a_thousand_folders(folder, monkeypatch):
    (folder / "test").rename(folder / "val")
    monkeypatch.setenv("IMAGENET_DIR", str(folder))
    with pytest.raises(UserError, match="'blue' in '.*train' is none of the 1,000 classes"):
        imagenet()


def test_half_unpacked_folders_are_refused(tmp_path):
    write_imagenet(tmp_path, classes=998)
    with pytest.raises(UserError, match="998 of the 1,000 classes, none of n13133613"):
        imagenet(str(tmp_path))


def test_validation_alone_can_be_evaluated(tmp_path):
    write_imagenet(tmp_path, splits=["val"])
    splits = imagenet(str(tmp_path), image_size=8, shorter_side=9)
    assert splits.test.warnings == ("image_folder.test: 1,000 images, ImageNet has 50,000",)
    assert splits.test.class_names == splits.train.class_names
    assert splits.test.fetch(tf.constant(7))[0].shape == (8, 8, 3)
    assert len(splits.train) == 1_281_167  # a plan counts with ImageNet's own number
    with pytest.raises(UserError, match="there is nothing to train on"):
        splits.train.check_present()


def test_validation_images_that_lie_flat_are_told(tmp_path):
    (tmp_path / "val").mkdir()
    for number in range(3):
        (tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(b"")
    with pytest.raises(UserError, match="0 class folders, at least 2 needed, but 3 files: sort"):
        imagenet(str(tmp_path))


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
