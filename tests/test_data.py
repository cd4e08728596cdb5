"""Sources, their checks, and batches as a function of seed and step."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfadv import randomness
from tfadv.data import ArraySource
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.digits import digits
from tfadv.data.image_folder import image_folder
from tfadv.data.npz import npz
from tfadv.data.pipeline import Shares, evaluation_batches, evaluation_indices, train_batches
from tfadv.data.synthetic import synthetic
from tfadv.errors import UserError

PLAIN = CropAndFlip(padding=0, flip=False)


def numbered(count):
    """Returns a source whose image i is filled with i and labelled i % 3."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 4, 3)
    )
    return ArraySource("numbered", images, np.arange(count) % 3, ["a", "b", "c"])


def take(dataset, count):
    batches = list(dataset.take(count).as_numpy_iterator())
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_an_epoch_is_a_permutation_and_the_next_another():
    source = numbered(20)
    seen = take(train_batches(source, PLAIN, 5, Shares(), seed=0, start=0), 8)
    order = seen["image"][:, 0, 0, 0].astype(int)
    assert sorted(order[:20]) == sorted(order[20:]) == list(range(20))
    assert list(order[:20]) != list(order[20:]) != list(range(20))
    np.testing.assert_array_equal(seen["label"], order % 3)
    np.testing.assert_array_equal(seen["index"], np.arange(40))
    other = take(train_batches(source, PLAIN, 5, Shares(), seed=1, start=0), 4)
    assert list(other["image"][:, 0, 0, 0]) != list(order[:20])


def test_passes_follow_each_other_without_a_gap():
    """23 images in batches of 4: none is left out, and each pass has an order of its own."""
    seen = take(train_batches(numbered(23), PLAIN, 4, Shares(), seed=0, start=0), 23)
    passes = seen["image"][:, 0, 0, 0].astype(int).reshape(4, 23)
    assert all(sorted(order) == list(range(23)) for order in passes)
    assert len({tuple(order) for order in passes}) == 4
    np.testing.assert_array_equal(seen["index"], np.arange(92))
    ends_and_begins = take(train_batches(numbered(23), PLAIN, 4, Shares(), seed=0, start=5), 1)
    expected = [*passes[0, 20:], passes[1, 0]]
    np.testing.assert_array_equal(ends_and_begins["image"][:, 0, 0, 0], expected)


def test_batches_are_a_function_of_the_step_and_not_of_the_replicas():
    source, augmentation = numbered(23), CropAndFlip(padding=1, flip=True)
    from_start = take(train_batches(source, augmentation, 4, Shares(), seed=3, start=0), 9)
    later = take(train_batches(source, augmentation, 4, Shares(), seed=3, start=6), 3)
    shared = take(train_batches(source, augmentation, 4, Shares(2, 0, 2), seed=3, start=0), 18)
    for key, value in from_start.items():
        np.testing.assert_array_equal(later[key], value[24:])
        # Of two shares each has every other image of a batch of four.
        by_share = value.reshape(9, 2, 2, *value.shape[1:]).swapaxes(1, 2)
        np.testing.assert_array_equal(shared[key], by_share.reshape(value.shape))


@pytest.mark.parametrize(("examples", "batch_size"), [(None, 8), (None, 23), (10, 4), (50, 30)])
def test_evaluation_counts_each_image_once(examples, batch_size):
    indices = evaluation_indices(numbered(23), examples, seed=0)
    seen = take(evaluation_batches(numbered(23), indices, batch_size), 99)
    counted = seen["index"][seen["counts"]]
    assert len(counted) == len(set(counted)) == min(examples or 23, 23)
    assert len(seen["index"]) % batch_size == 0
    np.testing.assert_array_equal(seen["image"][:, 0, 0, 0], seen["index"])


def test_crops_and_flips_are_those_of_numpy():
    image = np.random.default_rng(0).uniform(1, 255, (5, 6, 3)).astype(np.float32)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    crops = [padded[i : i + 5, j : j + 6] for i in range(5) for j in range(5)]
    possible = crops + [crop[:, ::-1] for crop in crops]
    seeds = randomness.example_seeds(0, "test", tf.range(600))
    augment = tf.function(CropAndFlip(padding=2, flip=True))
    counts = np.zeros(50)
    for seed in seeds:
        found = augment(tf.constant(image), seed).numpy()
        counts[[np.array_equal(found, crop) for crop in possible].index(True)] += 1
    assert counts.min() > 0  # 12 expected of each
    assert abs(counts[:25].sum() - 300) < 60
    np.testing.assert_array_equal(PLAIN(tf.constant(image), seeds[0]), image)


def test_digits_are_real_and_split_without_overlap():
    splits = digits()
    assert len(splits.train) == 1297 and len(splits.test) == 500
    assert splits.train.image_shape == (8, 8, 3) and splits.train.classes == 10
    pictures = [{source.fetch(i)[0].numpy().tobytes() for i in range(200)} for source in splits]
    assert not pictures[0] & pictures[1]
    image, _ = splits.train.fetch(0)
    assert float(tf.reduce_max(image)) <= 255 and float(tf.reduce_max(image)) > 200


def test_synthetic_has_the_size_asked_for():
    splits = synthetic(image_size=10, classes=7, train_examples=21, test_examples=8)
    assert splits.train.image_shape == (10, 10, 3)
    assert splits.train.classes == 7 and len(splits.train) == 21 and len(splits.test) == 8
    again = synthetic(image_size=10, classes=7, train_examples=21, test_examples=8)
    np.testing.assert_array_equal(splits.train.fetch(3)[0], again.train.fetch(3)[0])


def write_npz(path, **changes):
    random = np.random.default_rng(0)
    arrays = {
        "image": random.integers(0, 256, (6, 4, 4, 3), np.uint8),
        "label": np.array([0, 1, 2, 0, 1, 2]),
        "label_names": np.array(["cat", "dog", "owl"]),
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return str(path)


def test_npz(tmp_path, monkeypatch):
    path = write_npz(tmp_path / "a.npz")
    monkeypatch.setenv("SOME_FOLDER", str(tmp_path))
    splits = npz(train="$SOME_FOLDER/a.npz", test=path)
    assert splits.train.class_names == ("cat", "dog", "owl")
    with np.load(path) as arrays:
        np.testing.assert_array_equal(splits.test.fetch(4)[0], arrays["image"][4])
    grey = write_npz(tmp_path / "grey.npz", image=np.full((6, 4, 4, 1), 7.5), label_names=None)
    source = npz(train=grey, test=grey).train
    assert source.image_shape == (4, 4, 3) and source.classes == 3
    assert float(source.fetch(0)[0][0, 0, 2]) == 7.5


@pytest.mark.parametrize(
    ("changes", "told"),
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
def test_wrong_npz_files_are_told(tmp_path, changes, told):
    path = write_npz(tmp_path / "a.npz", **changes)
    with pytest.raises(UserError, match=told):
        npz(train=path, test=path)


def test_missing_and_damaged_files_are_told(tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    write_npz(tmp_path / "train.npz")
    with pytest.raises(UserError, match=r"npz.train: no .*Did you mean 'train.npz'"):
        npz(train=str(tmp_path / "trian.npz"), test="")
    with pytest.raises(UserError, match="not set"):
        npz(train="$NOT_SET/train.npz", test="")
    (tmp_path / "b.npz").write_bytes(b"no zip file")
    with pytest.raises(UserError, match="not a readable .npz"):
        npz(train=str(tmp_path / "b.npz"), test="")


def test_image_folder(folder):
    splits = image_folder(str(folder / "train"), str(folder / "test"), image_size=8)
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
    with Image.open(str(source._files[index])) as image:
        expected = np.array(image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))
    found = source.fetch(index)[0].numpy()
    assert np.abs(found - expected).max() <= 1


def test_wrong_folders_are_told(folder):
    (folder / "train" / "blue" / "d.jpg").write_bytes(b"GIF89a")
    with pytest.raises(UserError, match=r"d.jpg' is neither a JPEG nor a PNG"):
        image_folder(str(folder / "train"), str(folder / "test"), 8)
    (folder / "train" / "blue" / "d.jpg").unlink()
    (folder / "test" / "green").mkdir()
    with pytest.raises(UserError, match="'green' is only in one"):
        image_folder(str(folder / "train"), str(folder / "test"), 8)
    (folder / "train" / "green").mkdir()
    with pytest.raises(UserError, match="no .jpg"):
        image_folder(str(folder / "train"), str(folder / "test"), 8)


def test_real_cifar10(data_dir):
    splits = npz(
        train=str(data_dir / "cifar10" / "train_10k.npz"),
        test=str(data_dir / "cifar10" / "test_2k.npz"),
    )
    assert len(splits.train) == 10_000 and len(splits.test) == 2_000
    assert splits.train.image_shape == (32, 32, 3) and "frog" in splits.train.class_names
    assert np.bincount(splits.test.labels).tolist() == [200] * 10
