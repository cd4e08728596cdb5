"""Images compared with a manifest that lists them one by one."""

import hashlib
import json

import numpy as np
import pytest
from rich.console import Console
from shared.image_sets import smooth, write_pictures
from shared.tiny_data import array_source

from tfadv.data import manifest_file
from tfadv.data.manifest import AUTO, CONTENT, FAST
from tfadv.errors import UserError
from tfadv.inspection import data_sets
from tfadv.inspection.inspect import inspect


@pytest.fixture
def photos(tmp_path):
    """Returns a folder of two splits beside which lies its manifest."""
    write_pictures(tmp_path / "photos", ("train", "test"), each=6)
    inspect(data_sets.folder(tmp_path / "photos"), tmp_path, 1, Console(quiet=True))
    return tmp_path / "photos"


def difference(photos, way=AUTO):
    splits = data_sets.folder(photos).build()
    return manifest_file.difference(str(photos.parent / "manifest.jsonl"), splits, way)


def rename(folder):
    (folder / "train" / "red" / "2.png").rename(folder / "train" / "red" / "9.png")


def relabel(folder):
    (folder / "test" / "red" / "2.png").rename(folder / "test" / "blue" / "9.png")


def resize(folder):
    with open(folder / "train" / "blue" / "1.png", "ab") as file:
        file.write(b"\0")


def rewrite(folder):
    path = folder / "train" / "blue" / "1.png"
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)


def remove(folder):
    for number in range(5):
        (folder / "train" / "blue" / f"{number}.png").unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename, "train: 1 gone ('red/2.png'); train: 1 new ('red/9.png')"),
        (relabel, "test: 1 gone ('red/2.png'); test: 1 new ('blue/9.png')"),
        (resize, "train: 1 of another size ('blue/1.png')"),
        (rewrite, "train: 1 of other contents ('blue/1.png')"),
        (remove, "train: 5 gone ('blue/0.png', 'blue/1.png', 'blue/2.png', …)"),
    ],
)
def test_a_difference_names_the_first_files(change, words, photos):
    assert difference(photos) == ""
    change(photos)
    manifest = photos.parent / "manifest.jsonl"
    assert difference(photos) == f"Experiment.manifest: '{manifest}' lists other images: {words}"


def test_contents_are_read_where_they_count(photos):
    rewrite(photos)
    assert difference(photos, FAST) == ""
    assert "of other contents" in difference(photos, CONTENT)


def test_other_classes_have_other_labels(photos):
    for split in ("train", "test"):
        (photos / split / "blue").rename(photos / split / "zebra")
    assert "test: 6 of another label ('red/0.png', 'red/1.png', 'red/2.png', …)" in difference(
        photos
    )


def test_a_bad_file_is_compared_too(photos):
    (photos / "train" / "red" / "2.png").write_bytes(b"")
    assert difference(photos) != ""
    for file in photos.parent.glob("*.*"):
        file.unlink()
    inspect(data_sets.folder(photos), photos.parent, 1, Console(quiet=True))
    assert difference(photos) == ""


def lines_of(images, labels, names):
    source = array_source("some", images, labels, names)
    return [
        {
            "split": "all",
            "path": str(number),
            "bytes": len(source.contents(number)),
            "sha256": hashlib.sha256(source.contents(number)).hexdigest(),
            "label": int(label),
        }
        for number, label in enumerate(labels)
    ]


def test_arrays_are_compared_by_their_pixels(tmp_path):
    images, labels = np.stack([smooth(seed) for seed in range(4)]), np.array([0, 1, 2, 0])
    names = ["cat", "dog", "owl"]
    path = tmp_path / "m.jsonl"
    path.write_text("".join(map(manifest_file.line, lines_of(images, labels, names))))

    def compared(images, labels, way=AUTO):
        splits = {"all": array_source("some", images, labels, names)}
        return manifest_file.difference(str(path), splits, way).partition(" images: ")[2]

    other = images.copy()
    other[2, 5, 5, 1] ^= 1
    assert compared(images, labels) == ""
    assert compared(other, labels) == "all: 1 of other contents ('2')"
    assert compared(other, labels, FAST) == ""
    assert compared(images, np.array([0, 1, 1, 1])) == "all: 2 of another label ('2', '3')"
    assert compared(images[:3], labels[:3]) == "all: 1 gone ('3')"
    assert "all: 4 of another size" in compared(images[:, 1:], labels)


def test_a_split_that_isnt_listed(photos):
    splits = {"val": data_sets.folder(photos).build()["test"]}
    manifest = str(photos.parent / "manifest.jsonl")
    found = manifest_file.difference(manifest, splits, AUTO)
    assert found.endswith("lists other images: it lists no 'val' images, but test, train")


@pytest.mark.parametrize("text", ["{}\n", "nothing\n", "[1, 2]\n", json.dumps({"path": "a"})])
def test_other_files_are_no_manifests(text, tmp_path):
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(UserError, match=r"line 1 of '.*m.jsonl' is none of a manifest"):
        manifest_file.read(tmp_path / "m.jsonl")
    with pytest.raises(UserError, match=r"Experiment.manifest: no '.*n.jsonl'. Did you mean"):
        manifest_file.difference(str(tmp_path / "n.jsonl"), {}, AUTO)
