"""Images in .npz files: what is read and what is refused."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS

from tfadv.data.alike import check_alike
from tfadv.data.npz import npz
from tfadv.errors import UserError

# Opens each set, checks and digests it and makes a batch; prints by how many bytes that made
# the process's memory grow at most. The first one starts TensorFlow.
OPENED = """
import pathlib, sys
from tfadv.data.alike import check_alike, oddities
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.npz import npz
from tfadv.data.pipeline import Shares, train_batches

def memory(kind):
    (line,) = (line for line in open("/proc/self/status") if line.startswith(kind))
    return 1024 * int(line.split()[1])

def used(path):
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the highest is now this one
    before = memory("VmRSS")
    splits = npz(path, FEW)
    check_alike(splits), oddities(splits), splits.train.manifest()
    next(iter(train_batches(splits.train, CropAndFlip(4, True), 8, Shares(), 0, 0)))
    return memory("VmHWM") - before

FEW = sys.argv[1]
print(*[used(path) for path in sys.argv[1:]][1:])
"""


def write(path, **changes):
    """Writes six images without class names, or what is to stand in their place."""
    arrays = {"image": PIXELS, "label": LABELS} | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return str(path)


def test_pixels_labels_and_class_names_are_those_of_the_file(tmp_path, monkeypatch):
    path = write(tmp_path / "a.npz", label_names=np.array(NAMES))
    monkeypatch.setenv("SOME_FOLDER", str(tmp_path))
    splits = npz(train="$SOME_FOLDER/a.npz", test=path)
    assert splits.train.class_names == tuple(NAMES)
    np.testing.assert_array_equal(splits.test.fetch(4)[0], PIXELS[4])
    grey = write(tmp_path / "grey.npz", image=np.full((6, 4, 4, 1), 7.5))
    source = npz(train=grey, test=grey).train
    assert source.image_shape == (4, 4, 3) and source.classes == 3
    assert float(source.fetch(0)[0][0, 0, 2]) == 7.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": np.array([0, 1, 2, 3, 1, 2])}, r"label 3 of example 3 is not in 0..2"),
        ({"label": np.array([0, -1, 2, 0, 1, 2])}, "label -1 of example 1"),
        ({"label": np.zeros(6)}, "must be integers"),
        ({"label": np.zeros(5, int)}, "6 images but 5 labels"),
        ({"image": np.full((6, 4, 4, 3), 256.0)}, "pixel 256.0 of example 0"),
        ({"image": np.full((6, 4, 4, 3), -1)}, "pixel -1"),
        ({"image": np.full((6, 4, 4, 3), np.nan)}, "pixel nan"),
        ({"image": np.zeros((6, 4, 4))}, r"shape \[N, H, W, 3\]"),
        ({"image": None, "imgae": np.zeros(1)}, "no array 'image'.*Did you mean 'imgae'"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, changes, message):
    path = write(tmp_path / "a.npz", label_names=np.array(NAMES), **changes)
    with pytest.raises(UserError, match=message):
        npz(train=path, test=path)


def test_missing_and_damaged_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    write(tmp_path / "train.npz")
    with pytest.raises(UserError, match=r"npz.train: no .*Did you mean 'train.npz'"):
        npz(train=str(tmp_path / "trian.npz"), test="")
    with pytest.raises(UserError, match="not set"):
        npz(train="$NOT_SET/train.npz", test="")
    (tmp_path / "b.npz").write_bytes(b"no zip file")
    with pytest.raises(UserError, match="not a readable .npz"):
        npz(train=str(tmp_path / "b.npz"), test="")


def test_real_cifar10(data_dir):
    splits = npz(
        train=str(data_dir / "cifar10" / "train_10k.npz"),
        test=str(data_dir / "cifar10" / "test_2k.npz"),
    )
    assert len(splits.train) == 10_000 and len(splits.test) == 2_000
    assert splits.train.image_shape == (32, 32, 3) and "frog" in splits.train.class_names
    assert np.bincount(splits.test.labels).tolist() == [200] * 10


def unzipped(path):
    """Returns a folder of the arrays of an .npz file."""
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as file:
        file.extractall(folder)
    return folder


def test_a_folder_of_arrays_is_read_like_the_file_they_were_in(tmp_path):
    path = tmp_path / "a.npz"
    write(path, label_names=np.array(NAMES))
    whole, mapped = npz(str(path), str(unzipped(path)))
    assert whole.class_names == mapped.class_names and whole.manifest() == mapped.manifest()
    for number in range(6):
        for ours, theirs in zip(whole.fetch(number), mapped.fetch(number), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    (tmp_path / "a" / "image.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match="npz.test: '.*a' is not a readable folder of .npy files"):
        npz(str(path), str(tmp_path / "a"))
    (tmp_path / "a" / "image.npy").rename(tmp_path / "a" / "images.npy")
    with pytest.raises(UserError, match="no array 'image'.*Did you mean 'images'"):
        npz(str(path), str(tmp_path / "a"))


@pytest.mark.parametrize(
    "images",
    [np.asfortranarray(PIXELS), PIXELS.astype(">f4"), PIXELS.astype(np.int64), PIXELS * 1.0],
)
def test_arrays_of_any_layout_are_read(tmp_path, images):
    path = tmp_path / "a.npz"
    write(path, image=images)
    for source in npz(str(path), str(unzipped(path))):
        np.testing.assert_array_equal([source.fetch(n)[0] for n in range(6)], PIXELS)


@pytest.mark.parametrize(("stored", "channels"), [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3)])
def test_channels_are_kept_and_grey_becomes_colour(tmp_path, stored, channels):
    images = np.random.default_rng(1).integers(0, 256, (6, 4, 5, stored), np.uint8)
    path = write(tmp_path / "a.npz", image=images)
    source = npz(path, path, channels=channels).train
    assert source.image_shape == (4, 5, channels)
    expected = np.repeat(images, channels // stored, -1)
    np.testing.assert_array_equal([source.fetch(n)[0] for n in range(6)], expected)
    whole = write(tmp_path / "whole.npz", image=expected)
    assert source.manifest() == npz(whole, whole, channels=channels).train.manifest()


@pytest.mark.parametrize(("stored", "channels"), [(3, 1), (1, 4), (4, 3), (2, 3)])
def test_other_channels_are_refused_with_the_remedy(tmp_path, stored, channels):
    path = write(tmp_path / "a.npz", image=np.full((6, 4, 5, stored), 9, np.uint8))
    with pytest.raises(UserError, match=f"channels = {stored} takes them"):
        npz(path, path, channels=channels)
    with pytest.raises(UserError, match="npz.channels must be 1, 2, 3 or 4, got 5"):
        npz(path, path, channels=5)


def test_images_take_their_own_size_once(tmp_path):
    size = 2**26
    few, paths = tmp_path / "few.npz", []
    write(few, image=np.full((6, 64, 64, 3), 255))
    for dtype in (np.dtype(np.uint8), np.dtype(np.float32)):
        count = size // (3 * 64 * 64 * dtype.itemsize)
        pixels = np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8)
        paths.append(tmp_path / f"{dtype}.npz")
        write(paths[-1], image=pixels.astype(dtype), label=np.arange(count) % 3)
        paths.append(unzipped(paths[-1]))
    command = [sys.executable, "-c", OPENED, few, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    for used in map(int, done.stdout.split()):
        assert 0.9 < used / size < 1.2, done.stdout


def test_class_names_must_agree_where_both_files_have_some(tmp_path):
    names = np.array(NAMES)
    named = write(tmp_path / "named.npz", label_names=names)
    unnamed = write(tmp_path / "unnamed.npz")
    reversed_names = write(tmp_path / "reversed.npz", label_names=names[::-1])
    with pytest.raises(UserError, match="'cat' in npz.train and 'owl' in npz.test: the same names"):
        check_alike(npz(named, reversed_names))
    for train, test in ((named, unnamed), (unnamed, named)):
        splits = npz(train, test)
        assert splits.train.class_names == splits.test.class_names == tuple(NAMES)
    numbered = npz(unnamed, unnamed)
    assert numbered.train.class_names == ("0", "1", "2")
    beyond = write(tmp_path / "beyond.npz", label=LABELS + 1)
    with pytest.raises(UserError, match="npz.test: label 3 of example 2 is not in 0..2"):
        npz(unnamed, beyond)
    for labels, message in (
        (LABELS * 0, "npz.train: every image is of class '0'"),
        (LABELS * 10**9, "labels go up to 2000000000, but there are 6 images and no class names"),
    ):
        wrong = write(tmp_path / "wrong.npz", label=labels)
        with pytest.raises(UserError, match=message):
            check_alike(npz(wrong, wrong))
    matrix = write(tmp_path / "matrix.npz", label_names=np.array([NAMES]))
    with pytest.raises(UserError, match=r"'label_names' must have shape \[K\], but has \(1, 3\)"):
        npz(matrix, matrix)
