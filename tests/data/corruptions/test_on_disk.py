"""Corrupted images from disk, as ImageNet-C's."""

import numpy as np
import pytest
import tensorflow as tf
from shared.image_files import encoded
from shared.tiny_data import array_source

from tfadv.data.bad_images import BadImagesError
from tfadv.data.corruptions.on_disk import OnDisk
from tfadv.data.image_folder import image_folder
from tfadv.errors import UserError

PLACES = [("cat", "a.png"), ("cat", "b.png"), ("dog", "a.png")]


def write(folder, level):
    for number, (name, file) in enumerate(PLACES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = np.full((8, 8, 3), level + number, np.uint8)
        (folder / name / file).write_bytes(encoded("RGB", "png", pixels))


@pytest.fixture
def images(tmp_path):
    write(tmp_path / "val", 0)
    write(tmp_path / "c" / "frost" / "3", 100)
    return image_folder(None, str(tmp_path / "val"), 8, shorter_side=9).test


def test_images_correspond_and_keep_their_pixels(images, tmp_path):
    corrupted = OnDisk(str(tmp_path / "c"), images).source("frost", 3)
    for number in range(3):
        image, label = corrupted.fetch(tf.constant(number))
        np.testing.assert_array_equal(image, np.full((8, 8, 3), 100.0 + number))
        assert int(label) == int(images.fetch(tf.constant(number))[1])


def test_other_images_and_missing_folders_are_refused(images, tmp_path):
    with pytest.raises(UserError, match="no '.*4'"):
        OnDisk(str(tmp_path / "c"), images).source("frost", 4)
    (tmp_path / "c" / "frost" / "3" / "dog" / "a.png").rename(
        tmp_path / "c" / "frost" / "3" / "dog" / "z.png"
    )
    with pytest.raises(UserError, match="'dog/a.png' is in one alone"):
        OnDisk(str(tmp_path / "c"), images).source("frost", 3)
    (tmp_path / "c" / "frost" / "3" / "cat" / "a.png").write_bytes(b"")
    with pytest.raises(BadImagesError, match="is empty"):
        OnDisk(str(tmp_path / "c"), images).source("frost", 3)
    with pytest.raises(UserError, match="goes with images in folders"):
        OnDisk(str(tmp_path / "c"), array_source())
