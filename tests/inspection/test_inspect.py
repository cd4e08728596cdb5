"""A look at whole data sets: what is found, what is written, what isn't overwritten."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from shared.html_pages import ParsedPage
from shared.image_files import encoded
from shared.image_sets import smooth, spoil, write_noise, write_pictures
from shared.tiny_data import write_npz

from tfadv.errors import UserError
from tfadv.inspection import data_sets, report
from tfadv.inspection.inspect import inspect

QUIET = Console(quiet=True)


def looked_at(data_set, folder, processes=1):
    """Returns the record and the parsed page of a data set."""
    found = inspect(data_set, folder, processes, QUIET)
    assert json.loads((folder / report.RECORD).read_text()) == json.loads(json.dumps(found))
    return found, ParsedPage((folder / report.PAGE).read_text(encoding="utf-8"))


def listed(folder):
    lines = (folder / report.MANIFEST).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_of_a_thousand_files_exactly_the_bad_ones_are_listed(tmp_path):
    reasons = spoil(write_noise(tmp_path / "noise", 1000))
    found, page = looked_at(data_sets.folder(tmp_path / "noise"), tmp_path / "one")
    assert len(reasons) == 25 and found["unfit"] == ["all: 25 of 1,000 images can't be read"]
    files = {tmp_path / "noise" / file["path"]: file["reason"] for file in found["files"]}
    assert files.keys() == reasons.keys()
    for path, reason in reasons.items():
        assert files[path].startswith(reason)
        assert path.name in page.text
    bad = [one for one in listed(tmp_path / "one") if "problem" in one]
    assert [one["height"] for one in bad] == [None] * 25
    good = [one for one in listed(tmp_path / "one") if one["height"] == 32]
    assert len(good) == 975 and found["duplicates"]["exact"] == []


@pytest.fixture
def photos(tmp_path):
    """Returns a folder of two splits with duplicates, an empty class and an odd name."""
    folder = tmp_path / "photos"
    paths = write_pictures(folder, ("train", "val"))
    shutil.copy(paths[0], folder / "val" / "blue" / "same.png")
    copy = Image.open(paths[1]).resize((160, 120), Image.BICUBIC)
    copy.save(folder / "val" / "red" / "resized.jpg", quality=70)
    shutil.copy(paths[2], folder / "train" / "red" / "contradiction.png")
    (folder / "train" / "empty").mkdir()
    (folder / "train" / "red" / "<b>&.jpg").write_bytes(b"")
    (folder / "train" / "red" / "notes.tif").write_bytes(b"")
    return folder


def test_everything_about_a_folder(photos, tmp_path):
    found, page = looked_at(data_sets.folder(photos), tmp_path / "report")
    assert found["unfit"] == [
        "train: 1 of 10 images can't be read",
        "train: no image of 1 of the 3 classes: empty",
        "test: no image of 1 of the 3 classes: empty",
    ]
    assert found["warnings"] == [
        "photos/train: not read within the class folders: 1 .tif; only .jpg, .jpeg, .jpe, .jfif, "
        ".png, .bmp, .gif and .webp are",
        "test: 1 of 10 images are in train, too",
        "test: 1 of 10 images look like some of train",
        "train: 1 of 10 images repeat others, pixel by pixel",
        "images that occur more than once, with different labels: 1",
        "pairs of images that look alike: 1",
    ]
    exact = [[one["path"] for one in group] for group in found["duplicates"]["exact"]]
    assert exact == [["blue/0.png", "blue/same.png"], ["blue/2.png", "red/contradiction.png"]]
    (near,) = found["duplicates"]["near"]
    assert [one["path"] for one in near["images"]] == ["blue/1.png", "red/resized.jpg"]
    train, test = found["splits"]["train"], found["splits"]["test"]
    assert train["classes"] == {"blue": 4, "empty": 0, "red": 5}
    assert (train["images"], train["unreadable"], train["damaged"], train["odd"]) == (10, 1, 0, 0)
    assert (train["kinds"], test["kinds"]) == ({"PNG": 9}, {"JPEG": 1, "PNG": 9})
    assert test["sizes"]["largest"]["path"] == "red/resized.jpg"
    assert test["sizes"]["largest"]["width"] == 160 and train["sizes"]["largest"]["width"] == 64
    for text in (*found["unfit"], *found["warnings"], "red/<b>&.jpg", "is empty", "▲ not fit"):
        assert text in page.text
    assert "script" not in page.tags
    assert all(one.startswith("data:image/") for one in page.references)
    assert page.references  # pictures of the pairs and of each class
    assert "<b>&" not in (tmp_path / "report" / report.PAGE).read_text()


def test_a_sound_folder_is_fit_and_its_page_says_so(tmp_path):
    write_pictures(tmp_path / "sound", ("train", "test"))
    found, page = looked_at(data_sets.folder(tmp_path / "sound"), tmp_path / "report")
    assert (found["unfit"], found["warnings"], found["files"]) == ([], [], [])
    assert "✓ fit to train on" in page.text
    assert page.text.count("✓ None") == 2


def test_the_manifest_describes_every_file(tmp_path):
    paths = write_pictures(tmp_path / "a", ("train", "test"), each=2)
    looked_at(data_sets.folder(tmp_path / "a"), tmp_path / "report")
    lines = listed(tmp_path / "report")
    assert [(one["split"], one["path"]) for one in lines] == [
        *(("train", f"{c}/{n}.png") for c in ("blue", "red") for n in (0, 1)),
        *(("test", f"{c}/{n}.png") for c in ("blue", "red") for n in (0, 1)),
    ]
    by_split = sorted(paths, key=lambda path: path.parts[-3] != "train")
    assert [one["bytes"] for one in lines] == [path.stat().st_size for path in by_split]
    assert {key: lines[-1][key] for key in ("label", "class", "height", "width", "channels")} == {
        "label": 1,
        "class": "red",
        "height": 48,
        "width": 64,
        "channels": 3,
    }
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "a")
    looked_at(data_sets.folder(tmp_path / "b" / "a"), tmp_path / "again")
    for name in (report.MANIFEST, report.RECORD, report.PAGE):
        same = [(tmp_path / one / name).read_bytes() for one in ("report", "again")]
        assert same[0] == same[1], name


@pytest.mark.skipif(os.name == "nt", reason="names of files are not bytes")
def test_names_that_are_no_utf8(tmp_path):
    (first, *_) = write_pictures(tmp_path / "a", ("train", "test"))
    first.rename(os.fsdecode(os.fsencode(first.parent) + b"/caf\xe9.png"))
    found, page = looked_at(data_sets.folder(tmp_path / "a"), tmp_path / "report")
    assert not found["unfit"]
    assert "blue/caf\udce9.png" in [one["path"] for one in listed(tmp_path / "report")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda images: images / np.float32(255), "from 0..1, multiply them by 255"),
        (lambda images: images * 0 - 1, "is not a finite number in 0..255"),
        (lambda images: images.transpose(0, 3, 1, 2), "channels come last here"),
    ],
)
def test_arrays_that_nobody_can_train_on(change, reason, tmp_path):
    images = np.stack([smooth(seed).astype(np.float32) for seed in range(4)])
    file = write_npz(tmp_path / "a.npz", change(images), np.array([0, 1, 0, 1]))
    found, page = looked_at(data_sets.arrays([file]), tmp_path / "report")
    (line,) = found["unfit"]
    assert reason in line and line in page.text and "▲ not fit" in page.text
    assert not (tmp_path / "report" / report.MANIFEST).exists()


def test_a_report_is_never_overwritten(tmp_path):
    write_pictures(tmp_path / "a", ("train", "test"))
    inspect(data_sets.folder(tmp_path / "a"), tmp_path / "report", 1, QUIET)
    for name in (report.PAGE, report.RECORD, report.MANIFEST):
        others = {report.PAGE, report.RECORD, report.MANIFEST} - {name}
        kept = tmp_path / f"without_{name}"
        shutil.copytree(tmp_path / "report", kept)
        for other in others:
            (kept / other).unlink()
        with pytest.raises(UserError, match="already: choose another folder"):
            report.check_new(kept)
    report.check_new(tmp_path / "new")


def test_damaged_files_are_shown_and_nothing_is_said_beside_the_page(tmp_path, capfd):
    (path, *_) = write_pictures(tmp_path / "a", ("train", "test"))
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded("RGB", "jpeg", noisy)
    path.with_suffix(".jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    found, page = looked_at(data_sets.folder(tmp_path / "a"), tmp_path / "report")
    assert found["unfit"] == ["train: 1 of 9 images are damaged: a part of their pixels is made up"]
    assert "blue/0.jpg" in page.text and capfd.readouterr().err == ""


@pytest.mark.slow
def test_real_files(data_dir, tmp_path):
    """ImageNet's odd ones as they were published, and one image of each class."""
    quirks = data_sets.folder(data_dir / "imagenet1k_quirks_orig" / "val")
    found, _ = looked_at(quirks, tmp_path / "quirks")
    split = found["splits"]["all"]
    assert (split["images"], split["unreadable"], split["damaged"]) == (40, 0, 0)
    assert split["channels"]["grey"] == 23
    assert split["orientations"] == {"1": 39, "6": 1}  # and two whose EXIF data say 0
    one_each = data_sets.folder(data_dir / "imagenet1k_one_per_class_s256" / "val")
    found, page = looked_at(one_each, tmp_path / "one_each", processes=2)
    split = found["splits"]["all"]
    assert (split["images"], split["unreadable"], split["damaged"]) == (1000, 0, 0)
    assert found["unfit"] == [] and len(split["classes"]) == 1000
    assert found["duplicates"]["exact"] == [] and found["duplicates"]["near"] == []
    assert len(page.references) >= 1000
