"""Images in .npz files: what is read and what is refused."""

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS

from tfadv.data.alike import check_alike
from tfadv.data.npz import npz
from tfadv.errors import UserError


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
