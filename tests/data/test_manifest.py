"""What distinguishes images and labels from others: in memory, in folders, from a plugin."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv import digests
from tfadv.data import ArraySource, Source
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.folder_source import FolderSource
from tfadv.data.imagenet import imagenet
from tfadv.data.manifest import READ_AT_MOST, difference, reads_contents, way_of, without_times

VIEW = CentreSquare(8, 8, Bicubic(-0.5, antialias=True, whole_pixels=True))


def manifest_of(**arrays):
    return array_source(**arrays).manifest()


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({}, ""),
        ({"images": PIXELS.copy(), "labels": LABELS.astype(np.int8), "names": tuple(NAMES)}, ""),
        ({"images": changed(PIXELS, (5, 3, 3, 2), PIXELS[5, 3, 3, 2] ^ 1)}, "other pixels"),
        ({"images": PIXELS[::-1]}, "other pixels"),
        ({"labels": changed(LABELS, 3, 2)}, "other labels"),
        ({"names": ["cat", "owl", "dog"]}, "other class names"),
        ({"images": PIXELS[:4], "labels": LABELS[:4]}, "4 images instead of 6"),
        ({"images": PIXELS[:, 1:]}, "images of shape [3, 4, 3] instead of [4, 4, 3]"),
        (
            {"images": 255 - PIXELS, "labels": LABELS[::-1]},
            "other labels, other pixels",
        ),
    ],
)
def test_arrays_differ_by_any_pixel_label_or_name(other, message):
    recorded = json.loads(json.dumps(manifest_of()))
    assert difference(recorded, manifest_of(**other)) == message


@pytest.fixture
def train(folder):
    """Returns a folder of images with two classes, that were written some time ago."""
    for path in (folder / "train").rglob("*.*"):
        os.utime(path, ns=(10**18, 10**18))
    return folder / "train"


def files(train, way):
    names = sorted(path.name for path in train.iterdir())
    return FolderSource("files", train, names, VIEW, exif_orientation=True).manifest(way)


def replaced(path):
    """Writes other bytes of the same size, with the same first ones."""
    content = path.read_bytes()
    path.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])


def remove_an_image(train):
    (train / "red" / "a.png").unlink()


def add_an_image(train):
    shutil.copy2(train / "red" / "a.png", train / "red" / "d.png")


def rename_an_image(train):
    (train / "red" / "a.png").rename(train / "red" / "aa.png")


def move_an_image(train):
    (train / "red" / "a.png").rename(train / "blue" / "aa.png")


def rename_a_class(train):
    (train / "red").rename(train / "rose")


def lengthen_a_file(train):
    with (train / "red" / "a.png").open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("way", ["auto", "content", "fast"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove_an_image, "5 images instead of 6"),
        (add_an_image, "7 images instead of 6"),
        (rename_an_image, "other file names"),
        (move_an_image, "other file names, other labels"),
        (rename_a_class, "other class names, other file names"),
        (lengthen_a_file, "files of other sizes"),
    ],
)
def test_folders_differ_by_names_labels_and_sizes(train, change, message, way):
    recorded = json.loads(json.dumps(files(train, way)))
    assert difference(recorded, files(train, way_of(recorded))) == ""
    change(train)
    assert difference(recorded, files(train, way_of(recorded))) == message


@pytest.mark.parametrize(
    ("way", "message"), [("auto", "files of other contents"), ("fast", "files written since, or")]
)
def test_other_bytes_of_the_same_size_are_noticed(train, way, message):
    recorded = files(train, way)
    replaced(train / "blue" / "c.jpg")
    assert difference(recorded, files(train, way_of(recorded))).startswith(message)


def test_contents_count_whatever_the_times_are(train):
    """What stays when a data set is copied, and is found where a change hides its time."""
    recorded = files(train, "auto")
    assert "times" not in recorded
    copied = train.with_name("copied")
    shutil.copytree(train, copied, copy_function=shutil.copyfile)
    assert files(copied, "auto") == recorded
    before = (train / "red" / "c.jpg").stat()
    replaced(train / "red" / "c.jpg")
    os.utime(train / "red" / "c.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert difference(recorded, files(train, "auto")) == "files of other contents"


def test_times_count_where_nothing_is_read(train, monkeypatch):
    recorded = files(train, "fast")
    shutil.copytree(train, train.with_name("copied"))  # with the times
    assert files(train.with_name("copied"), "fast") == recorded
    os.utime(train / "red" / "a.png", ns=(10**18, 10**18 + 1))
    assert difference(recorded, files(train, "fast")).startswith("files written since")
    assert without_times(recorded) == without_times(files(train, "fast"))
    monkeypatch.setattr(digests, "of_files", lambda _: pytest.fail("it reads the files"))
    files(train, "fast")


def test_large_sets_are_not_read_unless_asked():
    assert reads_contents("auto", READ_AT_MOST) and not reads_contents("auto", READ_AT_MOST + 1)
    assert reads_contents("content", 10**12) and not reads_contents("fast", 1)


class OfAPlugin(Source):
    """Makes its images when they are fetched, and has no manifest of its own."""

    def __init__(self, shift=0):
        super().__init__("plugin", LABELS, NAMES, PIXELS.shape[1:])
        self._shift = shift

    def fetch(self, index):
        image = tf.fill(self.image_shape, tf.cast(index, tf.float32))
        return image + self._shift * tf.cast(index == 5, tf.float32), self.label_tensor[index]


def test_a_source_of_a_plugin_is_known_by_its_images():
    recorded = OfAPlugin().manifest()
    assert difference(recorded, OfAPlugin().manifest()) == ""
    assert difference(recorded, OfAPlugin(shift=1).manifest()) == "other pixels"


def test_absent_images_have_none():
    assert imagenet("/nowhere/at/all").train.manifest() is None


def test_cifar10_has_one_digest(data_dir):
    with np.load(data_dir / "cifar10" / "test_2k.npz") as file:
        images, labels = file["image"], file["label"]
    found = ArraySource("cifar10", images, labels, [str(n) for n in range(10)]).manifest()
    head = f"|u1 {images.shape} ".encode()
    assert found["pixels"] == hashlib.sha256(head + images.tobytes()).hexdigest()
