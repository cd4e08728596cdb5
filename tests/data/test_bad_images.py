"""Images that can't be read: all are named, or left out without moving the others."""

import re

import numpy as np
import pytest
from shared.image_files import encoded
from shared.tiny_data import array_source

from tfadv.data.augmentation import CropAndFlip
from tfadv.data.bad_images import BadImages, BadImagesError
from tfadv.data.image_folder import image_folder
from tfadv.data.pipeline import Shares, evaluation_indices, images_of_step, train_batches
from tfadv.errors import UserError

PLAIN = CropAndFlip(padding=0, flip=False)
FILES, BAD = 1000, {"cut": 10, "empty": 5, "text": 5, "type": 5}


def write_folder(path, files):
    random = np.random.default_rng(0)
    for number in range(files):
        folder = path / f"class{number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        (folder / f"{number:04d}.jpg").write_bytes(encoded("RGB", "jpeg", pixels))


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Returns a folder of 1,000 training images, and the names of 25 that were damaged."""
    path = tmp_path_factory.mktemp("damaged")
    write_folder(path / "train", FILES)
    write_folder(path / "test", 8)
    names = np.random.default_rng(1).permutation(FILES)[: sum(BAD.values())]
    files = [path / "train" / f"class{n % 4}" / f"{n:04d}.jpg" for n in names]
    kinds = [kind for kind, count in BAD.items() for _ in range(count)]
    for file, kind in zip(files, kinds, strict=True):
        whole = file.read_bytes()
        wrong = {
            "cut": whole[: len(whole) // 2],
            "empty": b"",
            "text": b"<html>404</html>",
            "type": encoded("RGB", "tiff"),
        }
        file.write_bytes(wrong[kind])
    return path, {str(file) for file in files}


def read(path):
    return image_folder(str(path / "train"), str(path / "test"), 8).train


def test_all_are_named_before_anything_starts(damaged):
    path, names = damaged
    source = read(path)
    with pytest.raises(BadImagesError, match="25 of 1,000 images can't be read") as error:
        BadImages().apply(source, source.unreadable)
    assert set(re.findall(r"^  '(.*)' ", error.value.message, re.M)) == names
    assert not source.skipped


def test_skipped_images_leave_the_others_where_they_were(damaged):
    path, names = damaged
    source = read(path)
    BadImages("skip").apply(source, source.unreadable)
    assert {source.title(n) for n in source.skipped} == names
    assert "25 of 1,000 images can't be read and are skipped" in source.warnings[-1]
    order = np.concatenate([images_of_step(FILES, 50, 3, step) for step in range(20)])
    assert sorted(order) == list(range(FILES))
    taken = train_batches(source, PLAIN, 50, Shares(), seed=3, start=0).take(20)
    labels = np.concatenate([batch["label"] for batch in taken.as_numpy_iterator()])
    kept = ~np.isin(order, [*source.skipped])
    assert kept.sum() == FILES - 25
    np.testing.assert_array_equal(labels[kept], source.labels[order[kept]])
    assert len(evaluation_indices(source)) == FILES - 25
    whole = evaluation_indices(read(path), 200, seed=5)
    some = evaluation_indices(source, 200, seed=5)
    np.testing.assert_array_equal(some, whole[~np.isin(whole, [*source.skipped])])


def test_the_next_image_that_is_left_stands_in():
    source = array_source()
    source.skip({1: "is gone", 2: "is empty"})
    source.skip({5: "is empty"})
    assert source.stand_in(np.arange(6)).numpy().tolist() == [0, 3, 3, 3, 4, 0]
    assert source.skipped == {1: "is gone", 2: "is empty", 5: "is empty"}


def test_more_than_the_budget_stop_the_run(damaged):
    path, names = damaged
    source = read(path)
    policy = BadImages("skip", share_at_most=0.024)
    with pytest.raises(BadImagesError, match=r"25 skipped are more than .* = 0.024") as error:
        policy.apply(source, source.unreadable)
    assert all(name in error.value.message for name in names)
    BadImages("skip", share_at_most=0.025).apply(source, source.unreadable)
    with pytest.raises(BadImagesError, match="26 skipped are more"):  # in all
        BadImages("skip", share_at_most=0.025).apply(source, {_good(source): "is gone"})


def test_a_policy_is_one_of_two():
    with pytest.raises(UserError, match="none of stop, skip"):
        BadImages("ignore")


def _good(source):
    return next(n for n in range(len(source)) if n not in source.skipped)
