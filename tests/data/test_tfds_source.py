"""TensorFlow Datasets of images of any size for real: prepared, read one by one, kept, refused."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets
from PIL import Image
from shared.image_files import encoded, with_orientation
from shared.prepared_sets import tiny_shapes
from shared.prepared_sets.tiny_shapes import FILES, NAMES

from tfadv.data import tfds_source
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.image_folder import image_folder
from tfadv.data.manifest import difference
from tfadv.data.pipeline import Shares, train_batches
from tfadv.data.tfds import tfds
from tfadv.errors import UserError

SIZE = 8
COUNTS = {"train": 21, "test": 6}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes image files of any size for TFDS, and the same ones in folders of classes."""
    root, random = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for split, count in COUNTS.items():
        for number in range(count):
            name = NAMES[number % 2]
            file = root / split / f"{name}_{number:02}.png"
            file.parent.mkdir(exist_ok=True)
            pixels = random.integers(0, 256, (*random.integers(9, 20, 2), 3), np.uint8)
            file.write_bytes(encoded("RGB", "png", pixels))
            if number == 4:
                file = file.with_suffix(".jpg")
                file.with_suffix(".png").rename(file)
                file.write_bytes(with_orientation(6))
            folder = root / "folders" / split / name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / file.name)
    return root


@pytest.fixture
def kept(written, tmp_path):
    """Returns a new folder for prepared sets of these files."""
    FILES.clear()
    FILES.update({split: written / split for split in COUNTS})
    return tmp_path / "prepared"


@pytest.fixture
def offline(monkeypatch):
    """Returns a function that leaves no code and no files to prepare sets from."""

    def forget():
        FILES.clear()
        known = tensorflow_datasets.core.registered._DATASET_REGISTRY
        for name in ("tiny_pictures", "tiny_scans"):
            monkeypatch.delitem(known, name)

    return forget


def opened(kept, name="tiny_pictures", image_size=SIZE, **arguments):
    return tfds(name, data_dir=str(kept), image_size=image_size, **arguments)


def pixels_of(source, fetch="fetch"):
    """Returns a split's images as bytes with their labels, in a fixed order."""
    found = []
    for number in range(len(source)):
        image, label = getattr(source, fetch)(tf.constant(number, tf.int64))
        found.append((int(label), image.shape.as_list(), image.numpy().tobytes()))
    return sorted(found)


def folder_of(kept, name="tiny_pictures"):
    return kept / name / "1.0.0"


@pytest.mark.parametrize("fetch", ["fetch", "fetch_original"])
def test_every_image_is_that_of_its_file(kept, written, fetch):
    folders = written / "folders"
    theirs = image_folder(str(folders / "train"), str(folders / "test"), SIZE, shorter_side=12)
    ours = opened(kept, shorter_side=12)
    assert ours.train.class_names == tuple(NAMES) and ours.train.image_shape == (SIZE, SIZE, 3)
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.sort(mine.labels), np.sort(its.labels))
        assert pixels_of(mine, fetch) == pixels_of(its, fetch)
    assert [*folder_of(kept).glob("*.array_record*")] and not [*folder_of(kept).glob("*.tfrecord*")]


def test_it_opens_without_its_code_and_its_files(kept, offline):
    before = pixels_of(opened(kept).test)
    offline()
    assert pixels_of(opened(kept).test) == before
    assert pixels_of(opened(kept, "tiny_pictures:1.0.0").test) == before
    assert pixels_of(tfds(str(folder_of(kept)), image_size=SIZE).test) == before


def test_slices_and_unions_are_the_records_that_they_name(kept):
    whole = opened(kept)
    images = [source.fetch(number)[0] for source in whole for number in range(len(source))]
    some = opened(kept, train_split="train[3:5]+test", test_split="train[:50%]")
    expected = [images[number] for number in (3, 4, *range(21, 27))]
    np.testing.assert_array_equal([some.train.fetch(n)[0] for n in range(8)], expected)
    assert len(some.test) == 10
    assert some.train.title(2).startswith("record 0 of ") and "-test" in some.train.title(2)
    assert difference(whole.train.manifest(), some.train.manifest()).startswith("8 images instead")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("tets", "Unknown split 'tets'"),
        ("train[:110%]", "Error parsing split 'train.:110%.'"),
        ("train[", "Error parsing split"),
        ("train[30:40]", "incompatible with 21 examples"),
        ("train[4:4]", "is empty"),
    ],
)
def test_wrong_splits_are_refused_in_one_line(kept, split, message):
    with pytest.raises(UserError, match=f"tfds.train_split: .*{message}") as caught:
        opened(kept, train_split=split)
    assert "\n" not in caught.value.message


def test_training_data_are_a_function_of_the_step(kept):
    source = opened(kept).train

    def batches(replicas, start, count):
        shares = [
            train_batches(
                source, CropAndFlip(2, True), 8, Shares(replicas, first, 1), 0, start
            ).take(count)
            for first in range(replicas)
        ]
        return np.concatenate(
            [
                np.stack([batch["image"] for batch in batches], 1).reshape(8, SIZE, SIZE, 3)
                for batches in zip(*(share.as_numpy_iterator() for share in shares), strict=True)
            ]
        )

    whole = batches(1, 0, 5)
    np.testing.assert_array_equal(batches(1, 2, 3), whole[16:])
    np.testing.assert_array_equal(batches(2, 0, 5), whole)


def test_features_of_other_names_and_one_channel(kept):
    keys = {"image_key": "scan", "label_key": "finding"}
    for channels in (1, 3):
        source = opened(kept, "tiny_scans", channels=channels, **keys).train
        assert source.image_shape == (SIZE, SIZE, channels)
    with pytest.raises(UserError, match="tfds.image_key: .* no feature 'image', but scan, finding"):
        opened(kept, "tiny_scans", label_key="finding")
    with pytest.raises(UserError, match="tfds.label_key: .* no feature 'label'"):
        opened(kept, "tiny_scans", image_key="scan")
    with pytest.raises(UserError, match="tfds.label_key: 'scan' of 'tiny_scans' are no classes"):
        opened(kept, "tiny_scans", image_key="scan", label_key="scan")


def test_the_size_of_the_view_must_be_said(kept):
    with pytest.raises(UserError, match="tfds.image_size: the images of tiny_pictures/1.0.0 are"):
        opened(kept, image_size=None)
    with pytest.raises(UserError, match="tfds.shorter_side must be >= image_size = 8"):
        opened(kept, shorter_side=7)


def test_images_of_one_size_are_read_one_by_one_where_memory_is_short(kept, written, monkeypatch):
    folder = written.parent / "one_size"
    folder.mkdir()
    for number in range(4):
        name = f"{NAMES[number % 2]}_{number}.png"
        Image.new("RGB", (6, 6), (40 * number + 99, 0, 0)).save(folder / name)
    FILES.update(train=folder, test=folder)
    monkeypatch.setattr(tiny_shapes.TinyShapes, "SHAPE", (6, 6, 3))
    source = tfds("tiny_shapes", data_dir=str(kept), in_memory_gib=0).train
    assert isinstance(source, tfds_source.TfdsSource) and source.image_shape == (6, 6, 3)
    held = tfds("tiny_shapes", data_dir=str(kept), in_memory_gib=1).train
    assert not isinstance(held, tfds_source.TfdsSource)
    assert pixels_of(source) == pixels_of(held)


def test_images_are_looked_at_once(kept, monkeypatch):
    first = opened(kept)
    monkeypatch.setattr(tfds_source, "header_of", lambda _: pytest.fail("it looks again"))
    again = opened(kept, train_split="train[5:9]")
    np.testing.assert_array_equal(again.train.labels, first.train.labels[5:9])
    np.testing.assert_array_equal(again.test.labels, first.test.labels)


def test_what_was_seen_is_forgotten_where_it_is_of_other_files(kept, written):
    before = opened(kept).train
    folder = folder_of(kept)
    (file,) = (folder / tfds_source.INDEX_FOLDER).glob("*train*")
    file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(opened(kept).train.labels, before.labels)
    FILES["train"] = written / "test"
    other = kept.with_name("other")
    opened(other)
    shutil.copytree(folder_of(other), folder, dirs_exist_ok=True, ignore=lambda *_: ["tfadv_index"])
    np.testing.assert_array_equal(opened(kept).train.labels, opened(other).train.labels)


def test_what_was_seen_may_be_kept_elsewhere(kept, tmp_path):
    opened(kept, index_dir=str(tmp_path / "seen"))
    assert not (folder_of(kept) / tfds_source.INDEX_FOLDER).exists()
    assert len([*(tmp_path / "seen").rglob("*.npz")]) == 2


def test_where_it_cannot_be_kept_this_is_said(kept):
    opened(kept)
    shutil.rmtree(folder_of(kept) / tfds_source.INDEX_FOLDER)
    (folder_of(kept) / tfds_source.INDEX_FOLDER).write_text("no folder")
    (warning,) = opened(kept).train.warnings
    assert "can't be kept in" in warning and "choose a folder by tfds.index_dir" in warning


def as_tfrecords(kept):
    """Prepares the set as it was prepared by default."""
    tensorflow_datasets.builder("tiny_pictures", data_dir=kept).download_and_prepare()
    return folder_of(kept)


def test_files_without_random_access_are_refused_with_the_command_that_converts_them(kept):
    folder = as_tfrecords(kept)
    with pytest.raises(UserError, match="prepared as tfrecord") as caught:
        opened(kept)
    assert caught.value.message.endswith(
        f"tfds convert_format --dataset_version_dir={folder} --out_file_format=array_record"
    )


def test_converted_files_are_read(kept, offline):
    """As the command leaves them: beside the others, and named in the description."""
    folder = as_tfrecords(kept)
    other = kept.with_name("other")
    expected = pixels_of(opened(other).train)
    for file in folder_of(other).glob("*array_record*"):
        shutil.copy(file, folder)
    description = json.loads((folder / "dataset_info.json").read_text())
    description["alternativeFileFormats"] = ["array_record"]
    (folder / "dataset_info.json").write_text(json.dumps(description))
    assert pixels_of(opened(kept).train) == expected
    offline()
    assert pixels_of(opened(kept).train) == expected


def shard(kept):
    (file,) = folder_of(kept).glob("*train.array_record*")
    return file


def test_a_missing_or_damaged_file_is_named_at_the_start(kept):
    opened(kept)
    content = shard(kept).read_bytes()
    shard(kept).write_bytes(content[:-10])
    with pytest.raises(UserError, match="tiny_pictures train: '.*' is damaged or was cut short"):
        opened(kept)
    changed = bytearray(content)
    changed[content.index(b"IHDR") + 30] ^= 1
    shard(kept).write_bytes(changed)
    shutil.rmtree(folder_of(kept) / tfds_source.INDEX_FOLDER)
    with pytest.raises(UserError, match=r"train: record \d+ of .* is damaged: copy it again"):
        opened(kept)
    shard(kept).unlink()
    with pytest.raises(UserError, match="tiny_pictures train: '.*' is missing: copy it again"):
        opened(kept)


def test_its_identity_is_that_of_its_version_and_its_files(kept, tmp_path):
    source = opened(kept).train
    shutil.copytree(kept, tmp_path / "copied")
    assert difference(source.manifest(), opened(tmp_path / "copied").train.manifest()) == ""
    fast = source.manifest("fast")
    assert "contents" not in fast and difference(fast, opened(kept).train.manifest("fast")) == ""
    other = opened(kept, train_split="train[:20]").train
    assert "names" in other.manifest() and other.manifest()["names"] != source.manifest()["names"]


def test_an_image_that_cannot_be_read_is_known_at_the_start(kept, written, tmp_path):
    copied = shutil.copytree(written / "train", tmp_path / "train")
    (copied / "circle_00.png").write_bytes(b"no image")
    FILES["train"] = copied
    source = opened(kept).train
    ((number, why),) = source.unreadable.items()
    assert why.startswith("is no JPEG") and source.title(number).startswith("record ")
