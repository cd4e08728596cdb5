"""Class folders under a model's own classes."""

import pytest
from shared.image_files import encoded

from tfadv.data.class_lists import class_list
from tfadv.data.image_folder import image_folder
from tfadv.errors import UserError


def write(folder, names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").write_bytes(encoded("RGB", "png"))
    return str(folder)


def test_imagenets_classes_are_the_sorted_wordnet_numbers():
    names = class_list("imagenet", "")
    assert len(set(names)) == 1000 and names == sorted(names)
    # Imagenette's ten, at the numbers that models of ImageNet know them by.
    imagenette = {"n01440764": 0, "n02102040": 217, "n02979186": 482, "n03000684": 491}
    imagenette |= {"n03028079": 497, "n03394916": 566, "n03417042": 569, "n03425413": 571}
    imagenette |= {"n03445777": 574, "n03888257": 701}
    assert {name: names.index(name) for name in imagenette} == imagenette


def test_a_subset_keeps_the_numbers_of_the_whole(tmp_path):
    val = write(tmp_path / "val", ["n03888257", "n01440764"])
    splits = image_folder(None, val, 8, classes="imagenet")
    assert list(splits.test.labels) == [0, 701] and splits.test.classes == 1000
    assert splits.train.class_names == splits.test.class_names


def test_folders_may_be_called_by_numbers(tmp_path):
    val = write(tmp_path / "val", ["10", "2", "0"])
    splits = image_folder(None, val, 8, classes="imagenet")
    assert list(splits.test.labels) == [0, 2, 10]


def test_a_list_of_ones_own_orders_the_classes(tmp_path, monkeypatch):
    val = write(tmp_path / "val", ["cat", "dog"])
    (tmp_path / "names.txt").write_text("owl\ndog\n\ncat\n")
    monkeypatch.setenv("NAMES", str(tmp_path / "names.txt"))
    splits = image_folder(None, val, 8, classes="$NAMES")
    assert splits.test.class_names == ("owl", "dog", "cat") and list(splits.test.labels) == [1, 2]


def test_names_that_are_numbers_are_names_first(tmp_path):
    val = write(tmp_path / "val", ["0", "1", "2"])
    (tmp_path / "names.txt").write_text("2\n0\n1\n")
    splits = image_folder(None, val, 8, classes=str(tmp_path / "names.txt"))
    titles = [splits.test.title(number).split("/")[-2] for number in range(3)]
    assert dict(zip(titles, splits.test.labels, strict=True)) == {"2": 0, "0": 1, "1": 2}


def test_folders_that_are_no_class_are_refused(tmp_path):
    val = write(tmp_path / "val", ["n03888257", "n01440763", "x"])
    message = r"'n01440763' in '.*val' is none of the 1,000 classes .*\(2 such folders\)"
    with pytest.raises(UserError, match=message + r".*Did you mean 'n01440764'\?"):
        image_folder(None, val, 8, classes="imagenet")


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "..", ".", "a\0b"])
def test_a_class_is_a_folder_within_the_folder(tmp_path, name):
    (tmp_path / "classes.txt").write_text(f"red\n{name}\n")
    with pytest.raises(UserError, match="'.*classes.txt' names '.*', which no folder is"):
        class_list(str(tmp_path / "classes.txt"), "image_folder.classes")
