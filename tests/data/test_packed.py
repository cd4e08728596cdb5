"""Packed images: the same as those of the folder, in the same order, or refused in one line."""

import json
import shutil

import gin
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shared.image_files import animation, with_orientation

from tfadv.data.augmentation import CropAndFlip
from tfadv.data.bad_images import unreadable_among
from tfadv.data.image_folder import image_folder
from tfadv.data.inception_crop import InceptionCrop
from tfadv.data.manifest import difference
from tfadv.data.packed import packed
from tfadv.data.packing import Resizing, pack
from tfadv.data.pipeline import Shares, images_of_step, train_batches
from tfadv.errors import UserError
from tfadv.planning.images import build_splits

SIZE = 8


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Returns folders of 23 and 5 random images of two classes, and the same packed."""
    root = tmp_path_factory.mktemp("packed")
    random = np.random.default_rng(0)
    for split, count in (("train", 23), ("test", 5)):
        for number in range(count):
            folder = root / split / ("blue", "red")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (*random.integers(9, 20, 2), 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        (root / split / "blue" / "lying.jpg").write_bytes(with_orientation(5))
        (root / split / "red" / "picture.gif").write_bytes(animation("gif"))
    pack(from_folder(root), root / "packed", images_per_shard=7, quiet=True)
    return root


def from_folder(root, **arguments):
    return image_folder(str(root / "train"), str(root / "test"), SIZE, **arguments)


@pytest.fixture
def copied(root, tmp_path):
    """Returns a copy of the packed folder, to be damaged."""
    return shutil.copytree(root / "packed", tmp_path / "packed")


def assert_same(ours, theirs):
    for first, second in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"shorter_side": 12, "antialias": False, "cubic_a": -0.75, "whole_pixels": False},
        {"exif_orientation": False},
        {"channels": 1},
    ],
)
def test_every_image_is_that_of_the_folder(root, arguments):
    ours = packed(str(root / "packed"), SIZE, **arguments)
    theirs = from_folder(root, **arguments)
    for mine, its in zip(ours, theirs, strict=True):
        assert len(mine) == len(its) and mine.class_names == its.class_names
        assert mine.image_shape == its.image_shape
        np.testing.assert_array_equal(mine.labels, its.labels)
        for number in range(len(its)):
            assert_same(mine.fetch(number), its.fetch(number))
            assert_same(mine.fetch_original(number), its.fetch_original(number))


def batches(source, augmentation, replicas, start, count=6):
    """Returns the batches of each share, with the images' own numbers and pixels."""
    return [
        list(
            train_batches(source, augmentation, 8, Shares(replicas, first, 1), 3, start)
            .take(count)
            .as_numpy_iterator()
        )
        for first in range(replicas)
    ]


@pytest.mark.parametrize(
    ("replicas", "augmentation"),
    [
        (1, CropAndFlip(2, True)),
        (2, InceptionCrop(SIZE)),
        (4, CropAndFlip(2, True)),
    ],
)
def test_training_gets_the_same_images_in_the_same_order(root, replicas, augmentation):
    """Six steps of eight images are two epochs of 25 but two; step 2 is in mid-epoch."""
    ours, theirs = packed(str(root / "packed"), SIZE).train, from_folder(root).train
    whole = batches(theirs, augmentation, replicas, 0)
    tf.nest.map_structure(
        np.testing.assert_array_equal, batches(ours, augmentation, replicas, 0), whole
    )
    resumed = batches(ours, augmentation, replicas, 2, count=4)
    tf.nest.map_structure(np.testing.assert_array_equal, resumed, [share[2:] for share in whole])


def test_each_image_comes_once_in_an_epoch(root):
    source = packed(str(root / "packed"), SIZE).train
    assert len(source) == 25
    found = batches(source, CropAndFlip(0, False), 1, 0)[0]
    images = np.concatenate([batch["image"] for batch in found])[:25]
    order = np.concatenate([images_of_step(25, 8, 3, step) for step in range(4)])[:25]
    assert sorted(order) == list(range(25))
    np.testing.assert_array_equal(images, [source.fetch(number)[0] for number in order])


def test_many_threads_read_the_records_that_they_ask_for(root):
    source = packed(str(root / "packed"), SIZE).train
    expected = [source.read(tf.constant(number)).numpy() for number in range(25)]
    numbers = tf.data.Dataset.range(2000).map(lambda n: (n * 7) % 25)
    read = numbers.map(source.read, num_parallel_calls=16, deterministic=True)
    for number, content in zip(numbers, read.as_numpy_iterator(), strict=True):
        assert content == expected[int(number)]


def test_it_is_the_same_data_for_a_run(root):
    """A run on the folder is evaluated on the packed set, and the other way round."""
    for way in ("auto", "content"):
        for ours, theirs in zip(packed(str(root / "packed"), SIZE), from_folder(root), strict=True):
            assert difference(theirs.manifest(way), ours.manifest(way)) == ""
    assert "names" in packed(str(root / "packed"), SIZE).train.manifest("fast")


@pytest.fixture(scope="module")
def small(root):
    """Returns the same images packed with a shorter side of 8 pixels."""
    pack(from_folder(root), root / "small", Resizing(SIZE, "png"), quiet=True)
    return str(root / "small")


def test_resized_images_are_those_of_the_evaluation(root, small):
    ours, theirs = packed(small, SIZE).test, from_folder(root).test
    for number in range(len(theirs)):
        assert_same(ours.fetch(number), theirs.fetch(number))
    assert difference(theirs.manifest(), ours.manifest()).startswith("files of other sizes")


def test_what_a_resized_set_cannot_give_is_refused_or_said(small):
    with pytest.raises(UserError, match="packed.exif_orientation must be True, as it was when"):
        packed(small, SIZE, exif_orientation=False)
    with pytest.raises(UserError, match="packed.channels must be 3, as it was when"):
        packed(small, SIZE, channels=1)
    assert packed(small, SIZE).test.warnings == ()
    (warning,) = packed(small, SIZE, shorter_side=9).test.warnings
    assert "shorter side of 8 pixels, which packed.shorter_side = 9 enlarges" in warning


def shard(folder, number):
    return folder / f"packed-train.array_record-{number:05}"


def remove(path):
    path.unlink()


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def empty(path):
    path.write_bytes(b"")


def exchange(path):
    shutil.copyfile(shard(path.parent, 3), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove, r"packed train: '.*-00001' is missing: pack"),
        (cut, r"packed train: '.*-00001' is damaged or was cut short: pack"),
        (empty, "is damaged or was cut short"),
        (exchange, "has 4 records instead of 7"),
    ],
)
def test_a_damaged_or_missing_shard_is_named_at_the_start(copied, damage, message):
    damage(shard(copied, 1))
    with pytest.raises(UserError, match=message) as caught:
        packed(str(copied), SIZE)
    assert "\n" not in caught.value.message


def test_two_missing_shards_are_counted(copied):
    for number in (0, 2):
        shard(copied, number).unlink()
    with pytest.raises(UserError, match=r"-00000' is missing \(2 such files\)"):
        packed(str(copied), SIZE)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("packed.json", remove, "holds no packed set, which has a file packed.json"),
        ("packed.json", cut, "packed.json' can't be read"),
        ("train.index.npz", remove, "packed train: '.*train.index.npz' can't be read: pack"),
        ("test.index.npz", cut, "packed test: '.*test.index.npz' can't be read: pack"),
    ],
)
def test_other_damaged_files_are_named(copied, name, change, message):
    change(copied / name)
    with pytest.raises(UserError, match=message):
        packed(str(copied), SIZE)


@pytest.mark.parametrize("augmentation", [CropAndFlip(0, False), InceptionCrop(SIZE)])
def test_a_record_that_changed_on_the_disk_is_named_when_it_is_read(copied, augmentation):
    file = shard(copied, 0)
    content = bytearray(file.read_bytes())
    place = content.index(b"IHDR")
    content[place + 30] ^= 1
    file.write_bytes(content)
    source = packed(str(copied), SIZE).train
    problems = {number: source.problem(number) for number in range(len(source))}
    (named,) = [number for number, why in problems.items() if why]
    assert problems[named].startswith("can't be read: ") and "mismatch" in problems[named]
    step, elements = 0, iter(train_batches(source, augmentation, 5, Shares(), 0, 0))
    with pytest.raises(tf.errors.OpError) as error:
        for _ in elements:
            step += 1
    # Though many are read at once, it is the step of that very image that can't be done.
    indices = images_of_step(len(source), 5, 0, step)
    assert [*unreadable_among(source, indices, error.value)] == [named]


def test_no_folder_or_another_is_refused(root):
    with pytest.raises(UserError, match=r"packed.folder: no '.*pakced'. Did you mean 'packed'"):
        packed(str(root / "pakced"), SIZE)
    with pytest.raises(UserError, match=r"'.*train' holds no packed set"):
        packed(str(root / "train"), SIZE)
    with pytest.raises(UserError, match="packed.image_size must be > 0"):
        packed(str(root / "packed"), 0)


def test_gin_chooses_it(root):
    gin.parse_config(f"packed.folder = '{root}/packed'\npacked.image_size = {SIZE}")
    assert build_splits("packed").test.image_shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("name", ["../x.records", "/etc/passwd", "a/b", "", "..", "a\0b"])
def test_files_of_a_packed_set_are_in_its_folder(copied, name):
    path = copied / "packed.json"
    description = json.loads(path.read_text())
    description["splits"]["train"]["shards"][0]["name"] = name
    path.write_text(json.dumps(description))
    with pytest.raises(UserError, match="which is no file of it: pack the set again"):
        packed(str(copied), SIZE)
