"""What --folder, --npz and gin files name."""

import numpy as np
import pytest
from shared.image_sets import write_pictures
from shared.tiny_data import random_examples, write_npz

from tfadv import config
from tfadv.data.plausibility import UnfitError
from tfadv.errors import UserError
from tfadv.inspection import data_sets


def counts(data_set):
    return {split: len(source) for split, source in data_set.build().items()}


@pytest.mark.parametrize("test", ["val", "test", "validation"])
def test_a_folder_of_two_splits(test, tmp_path):
    write_pictures(tmp_path / "set", ("train", test))
    data_set = data_sets.folder(str(tmp_path / "set"))
    assert data_set.name == "set" and counts(data_set) == {"train": 8, "test": 8}


def test_a_folder_of_classes(tmp_path):
    write_pictures(tmp_path, ("set",))
    assert counts(data_sets.folder(str(tmp_path / "set"))) == {"all": 8}


def test_train_is_a_class_where_nothing_is_beside_it(tmp_path):
    write_pictures(tmp_path, ("set",), classes=("train", "plane"))
    assert counts(data_sets.folder(str(tmp_path / "set"))) == {"all": 8}


def test_classes_are_those_of_all_splits(tmp_path):
    write_pictures(tmp_path, ("train",), classes=("a", "b"))
    write_pictures(tmp_path, ("val",), classes=("b", "c"))
    for source in data_sets.folder(str(tmp_path)).build().values():
        assert source.class_names == ("a", "b", "c")


def test_bad_files_are_taken_too(tmp_path):
    (first, *_) = write_pictures(tmp_path, ("train", "test"))
    first.write_bytes(b"")
    assert data_sets.folder(str(tmp_path)).build()["train"].unreadable == {0: "is empty"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: data_sets.folder(path / "nothing"), "--folder: no '"),
        (lambda path: data_sets.folder(path / "a.txt"), "is a file, not a folder"),
        (lambda path: data_sets.folder(path).build(), "0 class folders, at least 2 needed"),
        (lambda path: data_sets.arrays(["a", "b", "c"]), "--npz takes one file, or two"),
        (lambda path: data_sets.arrays([path / "b.npz"]).build(), "no '"),
    ],
)
def test_mistakes(make, message, tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=message):
        make(tmp_path)


def test_a_folder_without_any_image_is_unfit(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(UnfitError, match="no .jpg, .* or .webp in any class of"):
        data_sets.folder(str(tmp_path)).build()


def test_arrays_in_one_file_or_two(tmp_path):
    files = [
        write_npz(tmp_path / f"{name}.npz", *random_examples(count))
        for name, count in (("one", 12), ("two", 8))
    ]
    assert counts(data_sets.arrays(files[:1])) == {"all": 12}
    assert counts(data_sets.arrays(files)) == {"train": 12, "test": 8}
    with pytest.raises(UnfitError, match="these are no images in 0..255"):
        images, labels = random_examples(12)
        file = write_npz(tmp_path / "three.npz", images / np.float32(255), labels)
        data_sets.arrays([file]).build()


def test_the_data_set_of_a_scale():
    data_set = data_sets.configured(config.read(["gin/scale/digits.gin"]))
    assert (data_set.name, data_set.is_imagenet) == ("digits", False)
    assert counts(data_set) == {"train": 1297, "test": 500}
    read = config.read(["gin/scale/cifar10.gin"])
    assert data_sets.configured(read).name == "cifar10"


def test_imagenet_is_to_be_here(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGENET_DIR", str(tmp_path / "none"))
    data_set = data_sets.configured(config.read(["gin/scale/imagenet.gin"]))
    assert data_set.is_imagenet
    with pytest.raises(UserError, match="is no folder here"):
        data_set.build()


def test_a_part_of_imagenet_is_looked_at(tmp_path, monkeypatch):
    write_pictures(tmp_path, ("train", "val"), classes=("n01440764", "n01443537"))
    (tmp_path / "train" / "n01484850").mkdir()
    monkeypatch.setenv("IMAGENET_DIR", str(tmp_path))
    splits = data_sets.configured(config.read(["gin/scale/imagenet.gin"])).build()
    assert splits["train"].classes == splits["test"].classes == 3


@pytest.mark.parametrize("dataset", ["image_folder", "folders/image_folder"])
def test_the_policy_of_a_run_is_none_here(dataset, tmp_path):
    (first, *_) = write_pictures(tmp_path, ("train", "test"))
    first.write_bytes(b"")
    bindings = [
        f"Experiment.dataset = '{dataset}'",
        f"{dataset}.train = '{tmp_path}/train'",
        f"{dataset}.test = '{tmp_path}/test'",
        f"{dataset}.image_size = 8",
    ]
    data_set = data_sets.configured(config.read(["gin/scale/digits.gin"], bindings))
    assert "/" not in data_set.name and len(data_set.build()["train"].unreadable) == 1
