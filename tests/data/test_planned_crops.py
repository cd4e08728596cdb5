"""Training images of files: decoded in part and planned ahead, they are what the whole gives."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shared.image_files import encoded, with_orientation

from tfadv import randomness
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.held_out import HeldOut
from tfadv.data.image_folder import image_folder
from tfadv.data.inception_crop import InceptionCrop
from tfadv.data.packed import packed
from tfadv.data.packing import pack
from tfadv.data.pipeline import Shares, images_of_step, train_batches
from tfadv.data.selected import SelectedImages

COUNT, BATCH, SEED, STEPS = 13, 8, 5, 6
CROPS = {
    "as released": InceptionCrop(16),
    "without colours": InceptionCrop(16, jitter=0.0, lighting=0.0),
    "without a flip": InceptionCrop(16, flip=False, whole_pixels=False),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Returns folders of smooth and noisy JPEGs of many shapes, one PNG and one that lies."""
    root, random = tmp_path_factory.mktemp("planned"), np.random.default_rng(0)
    for split, number in [("train", n) for n in range(COUNT - 2)] + [("test", 0), ("test", 1)]:
        folder = root / split / ("blue", "red")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (*random.integers(12, 60, 2), 3), np.uint8)
        kind = "png" if number == 4 else "jpeg"
        (folder / f"{number}.{kind}").write_bytes(encoded("RGB", kind, pixels))
    for number in (6, 7):
        (root / "train" / "blue" / f"lies_{number}.jpg").write_bytes(with_orientation(number))
    pack(read(root), root / "packed", images_per_shard=5, quiet=True)
    return root


def read(root):
    return image_folder(str(root / "train"), str(root / "test"), 16)


SOURCES = {
    "folder": lambda root: read(root).train,
    "packed": lambda root: packed(str(root / "packed"), 16).train,
    "held out": lambda root: HeldOut(images=2).apply(read(root)).train,
    "some": lambda root: SelectedImages(read(root).train, np.array([9, 2, 5, 11, 6]), "some"),
}


def by_hand(source, augmentation, start, steps):
    """Decodes whole images and augments them one by one."""
    images = []
    for step in range(start, start + steps):
        numbers = tf.range(step * BATCH, (step + 1) * BATCH, dtype=tf.int64)
        seeds = randomness.example_seeds(SEED, "augmentation", numbers)
        for index, seed in zip(images_of_step(len(source), BATCH, SEED, step), seeds, strict=True):
            images.append(augmentation(source.fetch_original(tf.constant(index))[0], seed).numpy())
    return np.stack(images)


def batches(source, augmentation, shares=None, start=0, steps=STEPS):
    shares = shares or Shares()
    data = train_batches(source, augmentation, BATCH, shares, SEED, start)
    return list(data.take(steps * shares.here).as_numpy_iterator())


@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
@pytest.mark.parametrize("name", ["folder", "some"])
def test_images_are_those_of_whole_decoded_files(root, name, crop):
    source = SOURCES[name](root)
    found = np.concatenate([batch["image"] for batch in batches(source, crop)])
    expected = by_hand(source, crop, 0, STEPS)
    # Of one image at a time, arithmetic rounds otherwise than of many.
    if crop.bicubic.whole_pixels:
        different = found != expected
        assert np.abs(found - expected).max() <= 4 and different.mean() < 1e-3
    else:
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "replicas"),
    [("folder", 1), ("folder", 2), ("folder", 4), ("packed", 1), ("packed", 4), ("held out", 2)],
)
def test_each_image_once_in_the_same_order_on_any_replicas_and_after_a_resume(root, name, replicas):
    """The oracle is the order itself: batches are cut from it, whoever reads them."""
    source, crop, start = SOURCES[name](root), CROPS["as released"], 2
    whole = batches(source, crop)
    rows = {key: np.concatenate([batch[key] for batch in whole]) for key in whole[0]}
    order = np.concatenate([images_of_step(len(source), BATCH, SEED, n) for n in range(STEPS)])
    np.testing.assert_array_equal(rows["label"], source.labels[order])
    for epoch in range(len(order) // len(source)):
        once = order[epoch * len(source) : (epoch + 1) * len(source)]
        assert sorted(once) == list(range(len(source)))
    for first in range(replicas):  # each its own process, begun in the middle of an epoch
        shares = Shares(replicas, first, 1)
        later = batches(source, crop, shares, start, STEPS - start)
        for key, value in rows.items():
            mine = np.concatenate([batch[key] for batch in later])
            np.testing.assert_array_equal(mine, value[start * BATCH :][first::replicas])


def test_a_crop_that_keeps_sizes_is_planned_by_nobody(root):
    """`CropAndFlip` takes the view of the evaluation, not a part of the file."""
    source = read(root).train
    found = batches(source, CropAndFlip(padding=0, flip=False), steps=1)[0]["image"]
    expected = [source.fetch(n)[0] for n in images_of_step(len(source), BATCH, SEED, 0)]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_a_file_of_another_size_than_before_is_said_to_have_changed(folder):
    source = image_folder(str(folder / "train"), str(folder / "test"), 8).train
    file, shape = Path(source.title(0)), source.shapes(tf.constant([0])).numpy()[0]
    assert not source.problem(0)
    file.write_bytes(encoded("RGB", "jpeg", np.zeros((20, 30, 3), np.uint8)))
    was = "{}x{}".format(*shape)
    assert source.problem(0) == f"has changed: it is 20x30 pixels, and was {was}"
