"""Measurements that are kept: found again, and done without where they can't be."""

from pathlib import Path

import pytest

from tfadv.planning.kept_measurements import FOLDER, keep, recall

ABOUT = {"network": "a", "images": 8, "shape": (1, 2)}
FOUND = {"seconds": 0.25}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Keeps them in a folder of the test's own."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_what_was_kept_is_found_of_the_same_alone():
    assert recall(ABOUT) is None
    keep(ABOUT, FOUND)
    keep(ABOUT | {"images": 9}, {"seconds": 0.5})
    assert recall(dict(reversed(ABOUT.items()))) == FOUND
    assert recall(ABOUT | {"network": "b"}) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"about": {}, "found": {"seconds": 1.0}}'])
def test_what_is_damaged_is_not_found_and_kept_anew(folder, text):
    keep(ABOUT, FOUND)
    (file,) = folder.iterdir()
    whole = file.read_text()
    for damaged in (text, whole.replace("0.25", "0.75")):
        file.write_text(damaged)
        assert recall(ABOUT) is None
    keep(ABOUT, FOUND)
    assert file.read_text() == whole


def test_a_folder_that_takes_no_file_is_done_without(folder):
    folder.write_text("a file")
    keep(ABOUT, FOUND)
    assert recall(ABOUT) is None and folder.read_text() == "a file"


def test_the_folder_is_the_user_s_own(monkeypatch, tmp_path):
    monkeypatch.delenv(FOLDER)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for shared, expected in (
        (str(tmp_path / "shared"), tmp_path / "shared/tfadv"),
        ("relative", tmp_path / "home/.cache/tfadv"),
        ("", tmp_path / "home/.cache/tfadv"),
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", shared)
        keep(ABOUT | {"for": shared}, FOUND)
        assert recall(ABOUT | {"for": shared}) == FOUND
        assert any(expected.iterdir())


def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.delenv(FOLDER)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    keep(ABOUT, FOUND)
    assert recall(ABOUT) is None
