"""Image folders packed into a few files: what is written, byte by byte, or not at all."""

import io
import os
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from shared.image_files import animation, encoded, with_orientation
from shared.tiny_data import array_source, contents

from tfadv.data import Splits
from tfadv.data.bad_images import SKIP, BadImages, BadImagesError
from tfadv.data.image_folder import image_folder
from tfadv.data.packed import packed
from tfadv.data.packing import Resizing, pack
from tfadv.errors import UserError

SPLITS = ("train", "test")
LARGE = np.random.default_rng(3).integers(0, 256, (30, 21, 4), np.uint8)


@pytest.fixture
def odd(folder):
    """Returns folders of images of every kind, lying in every way, one not named in text."""
    for split in SPLITS:
        red = folder / split / "red"
        for number in range(1, 9):
            (red / f"lying_{number}.jpg").write_bytes(with_orientation(number))
        (red / "picture.gif").write_bytes(animation("gif"))
        (red / "picture.webp").write_bytes(encoded("RGB", "webp"))
        (red / "picture.bmp").write_bytes(encoded("RGB", "bmp"))
        (red / "large.png").write_bytes(encoded("RGB", "png", LARGE))
        with open(os.fsencode(red) + b"/\xff\xfe.png", "wb") as file:
            file.write(encoded("RGBA", "png"))
    return folder


def read(folder, **arguments):
    return image_folder(str(folder / "train"), str(folder / "test"), 8, **arguments)


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def records(folder, split):
    """Returns what TensorFlow Datasets reads of a packed split, without decoding it."""
    builder = tensorflow_datasets.builder_from_directory(folder)
    decoders = {"image": tensorflow_datasets.decode.SkipDecoding()}
    return [*builder.as_data_source(split, decoders=decoders)]


def test_files_keep_their_bytes_their_order_and_their_names(odd):
    splits, target = read(odd), odd / "packed"
    pack(splits, target, images_per_shard=8, quiet=True)
    for split, source in zip(SPLITS, splits, strict=True):
        found = records(target, split)
        assert len(found) == len(source) == 19
        for number, record in enumerate(found):
            file = Path(source.title(number))
            assert record["image"] == file.read_bytes()
            assert record["label"] == source.labels[number]
            name = os.fsencode(f"{file.parent.name}/{file.name}").decode("utf-8", "replace")
            assert record["file_name"].decode() == name
    assert len([*target.glob("packed-train*")]) == 3
    names = tensorflow_datasets.builder_from_directory(target).info.features["label"].names
    assert names == ["blue", "red"]


def test_tensorflow_datasets_decodes_a_packed_set(odd):
    pack(read(odd), odd / "packed", quiet=True)
    builder = tensorflow_datasets.builder_from_directory(odd / "packed")
    first = builder.as_data_source("train")[0]
    np.testing.assert_array_equal(first["image"], np.full((12, 20, 3), [0, 0, 255]))


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_larger_images_are_resized_as_pillow_does_and_smaller_ones_stay(odd, image_format):
    pack(read(odd), odd / "packed", Resizing(14, image_format, quality=100), quiet=True)
    by_name = {record["file_name"].decode(): record for record in records(odd / "packed", "test")}
    with Image.open(io.BytesIO(by_name["red/large.png"]["image"])) as opened:
        assert opened.format.lower() == image_format and opened.size == (14, 20)
        if image_format == "jpeg":
            assert [layer[1:3] for layer in opened.layer] == [(1, 1)] * 3  # 4:4:4
        found = np.asarray(opened.convert("RGB"), int)
    expected = Image.fromarray(LARGE[..., :3]).resize((14, 20), Image.Resampling.BICUBIC)
    difference = np.abs(found - np.asarray(expected, int))
    assert difference.max() <= (1 if image_format == "png" else 12)
    for name in ("red/a.png", "red/picture.gif", "red/lying_6.jpg"):
        assert by_name[name]["image"] == (odd / "test" / name).read_bytes()


def test_resized_images_lie_as_exif_says(odd):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    for split in SPLITS:
        file = odd / split / "blue" / "turned.jpg"
        Image.fromarray(LARGE[..., :3]).save(file, quality=100, exif=exif)
    splits = read(odd)
    pack(splits, odd / "packed", Resizing(20, "png"), quiet=True)
    index = [splits.test.path(n) for n in range(len(splits.test))].index("blue/turned.jpg")
    with Image.open(io.BytesIO(records(odd / "packed", "test")[index]["image"])) as opened:
        assert opened.size == (29, 20) and opened.getexif().get(0x0112, 1) == 1
        found = np.asarray(opened, float)
    upright = splits.test.fetch_original(index)[0].numpy().astype(np.uint8)
    expected = Image.fromarray(upright).resize((29, 20), Image.Resampling.BICUBIC)
    assert np.abs(found - np.asarray(expected)).max() <= 1


def test_images_that_cannot_be_read_stop_it_by_name_and_leave_nothing(odd):
    cut(odd / "train" / "red" / "a.png")
    (odd / "train" / "blue" / "d.jpg").write_bytes(b"")
    before = contents(odd)
    with pytest.raises(BadImagesError, match="2 of 20 images can't be read") as caught:
        pack(read(odd), odd / "packed", quiet=True)
    assert "d.jpg' is empty" in caught.value.message and "a.png' was cut" in caught.value.message
    assert contents(odd) == before and sorted(path.name for path in odd.iterdir()) == [
        "test",
        "train",
    ]


@pytest.mark.parametrize("resizing", [None, Resizing(10)])
def test_skipped_images_keep_their_numbers_and_are_named_again(odd, resizing):
    cut(odd / "train" / "red" / "a.png")
    splits = read(odd)
    gone = Path(splits.train.title(1))
    gone.unlink()  # after it was looked at
    policy = BadImages(SKIP, share_at_most=0.2)
    policy.apply(splits.train, splits.train.unreadable)
    pack(splits, odd / "packed", resizing, policy, quiet=True)
    source = packed(str(odd / "packed"), 8).train
    assert len(source) == len(splits.train)
    named = {source.title(number): why for number, why in source.unreadable.items()}
    assert named.keys() == {"red/a.png", f"blue/{gone.name}"}
    assert named["red/a.png"] == splits.train.unreadable[splits.train.labels.tolist().index(1)]


def test_an_image_that_cannot_be_decoded_is_named_where_it_is_resized(odd):
    file = odd / "test" / "red" / "large.png"
    content = bytearray(file.read_bytes())
    content[60:200] = bytes(140)
    file.write_bytes(content)
    with pytest.raises(BadImagesError, match="large.png' can't be decoded"):
        pack(read(odd), odd / "packed", Resizing(14), quiet=True)


class Stopped(BaseException):
    """As Ctrl-C is."""


def test_a_stopped_pack_leaves_nothing(odd, monkeypatch):
    writer = tensorflow_datasets.core.SequentialWriter
    add = writer.add_examples

    def stop_at_test(self, examples):
        if "test" in examples:
            raise Stopped
        add(self, examples)

    monkeypatch.setattr(writer, "add_examples", stop_at_test)
    with pytest.raises(Stopped):
        pack(read(odd), odd / "packed", quiet=True)
    assert sorted(path.name for path in odd.iterdir()) == ["test", "train"]


def test_what_cannot_be_packed_is_refused(odd):
    splits = read(odd)
    (odd / "packed").mkdir()
    with pytest.raises(UserError, match="packed' exists: nothing is overwritten"):
        pack(splits, odd / "packed")
    with pytest.raises(UserError, match="some: only images of files can be packed"):
        pack(Splits(array_source(), array_source()), odd / "arrays")
    with pytest.raises(UserError, match=r"'.*a.png/packed' can't be written"):
        pack(splits, odd / "test" / "red" / "a.png" / "packed")
    alpha = read(odd, channels=4)
    with pytest.raises(UserError, match="a JPEG has no 4 channels: image_format = 'png'"):
        pack(alpha, odd / "alpha", Resizing(8))
    for wrong, message in (
        ({"shorter_side": 0}, "shorter_side must be > 0"),
        ({"shorter_side": 8, "quality": 101}, r"quality must be in 1\.\.100"),
        ({"shorter_side": 8, "image_format": "jpg"}, "Did you mean 'jpeg'"),
    ):
        with pytest.raises(UserError, match=message):
            Resizing(**wrong)


def test_a_disk_without_space_is_refused_before_any_work(folder, monkeypatch):
    splits = read(folder)
    size = sum(source.size(number) for source in splits for number in range(len(source)))
    free = namedtuple("Usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda _: free(size - 1))
    with pytest.raises(UserError, match="GB of free space, and the packed images take"):
        pack(splits, folder / "packed", quiet=True)
    assert not [*folder.glob("packed*")]
    pack(splits, folder / "small", Resizing(4), quiet=True)
    monkeypatch.setattr("shutil.disk_usage", lambda _: free(size))
    pack(splits, folder / "packed", quiet=True)
    assert (folder / "packed").is_dir() and (folder / "small").is_dir()
