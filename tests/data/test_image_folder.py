"""Folders of images as people leave them: what is read, passed over, warned of or refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfadv.data.augmentation import CropAndFlip
from tfadv.data.image_folder import image_folder
from tfadv.data.pipeline import Shares, train_batches
from tfadv.errors import UserError

PLAIN = CropAndFlip(padding=0, flip=False)


def take(dataset, count):
    batches = list(dataset.take(count).as_numpy_iterator())
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def read(folder, **arguments):
    """Reads the train and test folders of a folder, at 8 x 8 pixels."""
    return image_folder(str(folder / "train"), str(folder / "test"), 8, **arguments)


def test_images_of_any_kind_are_read_in_the_order_of_their_classes(folder):
    splits = read(folder)
    assert splits.train.class_names == ("blue", "red") and len(splits.train) == 6
    png, label = splits.train.fetch(3)
    assert int(label) == 1
    np.testing.assert_allclose(png, np.broadcast_to([255.0, 0, 0], (8, 8, 3)), atol=1e-3)
    np.testing.assert_allclose(splits.test.fetch(1)[0][4, 4], [0, 0, 255], atol=4)
    np.testing.assert_allclose(splits.test.fetch(2)[0], np.full((8, 8, 3), 40), atol=2)
    assert len(take(train_batches(splits.train, PLAIN, 3, Shares(), 0, 0), 4)["label"]) == 12


def test_a_photograph_is_cropped_as_pillow_does(data_dir):
    root = data_dir / "imagenette10_224"
    files = sorted(root.rglob("*.JPEG"))
    splits = [folder for folder in root.iterdir() if folder.is_dir()]
    assert files and splits, f"no photographs under {root}"
    train, val = (str(root / name) for name in ("train", "val"))
    source = image_folder(train, val, image_size=64).test
    index = len(source) // 2
    with Image.open(source.title(index)) as image:
        expected = np.array(image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))
    found = source.fetch(index)[0].numpy()
    assert np.abs(found - expected).max() <= 1


def unreadable(folder):
    """Returns the names of training images that can't be read, and why."""
    source = read(folder).train
    return {Path(source.title(n)).name: reason for n, reason in source.unreadable.items()}


def test_classes_that_do_not_belong_are_refused(folder):
    (folder / "test" / "green").mkdir()
    with pytest.raises(UserError, match="'green' is only in one"):
        read(folder)
    (folder / "train" / "green").mkdir()
    with pytest.raises(UserError, match="no .jpg"):
        read(folder)


def test_hidden_folders_and_files_are_ignored(folder):
    for split in ("train", "test"):
        for hidden in (".ipynb_checkpoints", ".git"):
            (folder / split / hidden).mkdir()
        copied = folder / split / ".ipynb_checkpoints" / "a.png"
        copied.write_bytes((folder / split / "red" / "a.png").read_bytes())
        (folder / split / "red" / "._a.jpg").write_bytes(b"\0\5\x16\7")  # macOS' own
        (folder / split / "red" / ".DS_Store").write_bytes(b"")
    splits = read(folder)
    assert splits.train.class_names == ("blue", "red") and len(splits.train) == 6
    assert splits.train.warnings == splits.test.warnings == ()


def test_pictures_that_are_not_read_are_counted_once(folder):
    blue, red = (folder / "train" / name for name in ("blue", "red"))
    for path in (blue / "d.tif", red / "d.TIF", red / "e.heic", red / "f.txt", red / ".g.tif"):
        path.write_bytes(b"")
    (red / "more").mkdir()
    splits = read(folder)
    assert len(splits.train) == 6 and splits.test.warnings == ()
    (warning,) = splits.train.warnings
    assert warning.startswith("image_folder.train: not read within the class folders: 2 .tif, ")
    assert "1 .heic" in warning and "1 folders" in warning
    assert "txt" not in warning and "3 .tif" not in warning


def test_a_class_of_other_pictures_alone_is_refused_with_what_it_has(folder):
    for file in (folder / "test" / "blue").iterdir():
        file.rename(file.with_suffix(".tif"))
    with pytest.raises(UserError, match=r"no .jpg, .* or .webp in '.*blue', but 3 .tif"):
        read(folder)


def test_a_folder_called_like_an_image_is_not_read(folder):
    (folder / "train" / "red" / "z.jpg").mkdir()
    splits = read(folder)
    assert len(splits.train) == 6 and "1 folders" in splits.train.warnings[0]


@pytest.mark.parametrize("name", ["b.JPEG", "a.png"])
def test_an_image_cut_short_is_named_at_the_start(folder, name):
    file = folder / "train" / "red" / name
    file.write_bytes(file.read_bytes()[:-20])
    assert unreadable(folder) == {name: "was cut short: fetch it again, or remove it"}


def test_a_broken_link_is_named(folder):
    (folder / "train" / "red" / "z.jpg").symlink_to(folder / "nowhere.jpg")
    assert unreadable(folder) == {"z.jpg": "can't be read: No such file or directory"}


def test_what_is_no_image_is_named(folder):
    (folder / "train" / "blue" / "d.jpg").write_bytes(b"GIF")
    assert "is no JPEG, PNG, GIF, BMP or WebP file" in unreadable(folder)["d.jpg"]


def test_pictures_beside_the_class_folders_are_said(folder):
    image = (folder / "train" / "red" / "a.png").read_bytes()
    (folder / "train" / "loose.png").write_bytes(image)
    assert read(folder).train.warnings == (
        "image_folder.train: not read: 1 pictures beside the class folders, in no class",
    )


def test_names_need_not_be_text(folder):
    name = os.fsencode(folder / "train" / "red") + b"/\xff\xfe.png"
    with open(name, "wb") as file:
        file.write((folder / "train" / "red" / "a.png").read_bytes())
    source = read(folder).train
    index = [source.title(n) for n in range(len(source))].index(os.fsdecode(name))
    assert source.fetch(tf.constant(index))[0].shape == (8, 8, 3)


def test_classes_that_differ_by_case_alone_are_warned_of(folder):
    for split in ("train", "test"):
        (folder / split / "red").rename(folder / split / "Blue")
    splits = read(folder)
    assert splits.train.class_names == ("Blue", "blue")
    assert splits.train.warnings == (
        "image_folder.train: classes 'Blue', 'blue' differ by case alone",
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ("Red", "red", r"class 'Red' is only in one of train and test \(2 such classes\)."),
        ("Red", "red", "Did you mean 'red'"),
        ("caf\u00e9", "cafe\u0301", "that name in another Unicode form"),
    ],
)
def test_a_class_of_one_split_is_refused_with_its_likely_twin(folder, ours, theirs, message):
    (folder / "train" / "red").rename(folder / "train" / ours)
    (folder / "test" / "red").rename(folder / "test" / theirs)
    with pytest.raises(UserError, match=message):
        read(folder)


def test_a_file_in_place_of_a_folder_is_refused(folder):
    with pytest.raises(UserError, match=r"image_folder.test: '.*a.png' is a file"):
        image_folder(str(folder / "train"), str(folder / "test" / "red" / "a.png"), 8)


@pytest.fixture
def lying(folder):
    """Returns the folders, one image of which lies on its side, and that image upright."""
    upright = np.zeros((30, 16, 3), np.uint8)
    upright[:15] = 250  # bright above, dark below
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    stored = Image.fromarray(np.rot90(upright))
    stored.save(folder / "train" / "blue" / "a.jpeg", quality=95, exif=exif)
    return folder, upright


def test_images_lie_as_exif_says(lying):
    folder, upright = lying
    source = read(folder).train
    titles = [source.title(number) for number in range(len(source))]
    index = titles.index(str(folder / "train" / "blue" / "a.jpeg"))
    image, label = source.fetch_original(tf.constant(index))
    assert int(label) == 0
    np.testing.assert_allclose(image, upright, atol=6)
    stored, _ = read(folder, exif_orientation=False).train.fetch_original(tf.constant(index))
    np.testing.assert_allclose(stored, np.rot90(upright), atol=6)
    # The others stay, within a pipeline too.
    data = train_batches(source, CropAndFlip(0, False), len(source), Shares(), 0, 0)
    batch = next(iter(data))
    bright = batch["image"].numpy().mean((2, 3)) > 125
    turned = [row.tolist() for row in bright if row.any() and not row.all()]
    assert turned == [[True] * 4 + [False] * 4]


def test_views_are_named_parameters(folder):
    """Noise shows each of them."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        noise = random.integers(0, 256, (21, 30, 3), np.uint8)
        Image.fromarray(noise).save(folder / split / "blue" / "a.png")
    images = [
        read(folder, **arguments).train.fetch(tf.constant(0))[0].numpy()
        for arguments in (
            {},
            {"antialias": False},
            {"cubic_a": -0.75},
            {"whole_pixels": False},
            {"shorter_side": 12},
        )
    ]
    for number, image in enumerate(images):
        assert all(not np.array_equal(image, other) for other in images[:number])
    for image in (*images[:3], images[4]):
        np.testing.assert_array_equal(image, np.rint(image))
