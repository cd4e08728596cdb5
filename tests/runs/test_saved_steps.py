"""Damaged, killed and old checkpoints: the newest whole one is taken, bit for bit, or none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from shared.small_checkpoints import SmallRun, flipped, garbled, truncated, values_at

from tfadv.errors import UserError
from tfadv.runs import saved_steps
from tfadv.runs.checkpoints import read_model

SAVED_NOW = (
    "step-2/variables.index",
    "step-2/variables.data-00000-of-00001",
    "step-2/manifest.json",
)
SAVED_BEFORE = ("step-2.index", "step-2.data-00000-of-00001")


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _warn_again():
    saved_steps._warn.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Returns the folder of checkpoints of a run."""
    return tmp_path / "checkpoints"


def run_with(folder, *steps, before=False):
    run = SmallRun(folder)
    return run.save_as_before(*steps) if before else run.save(*steps)


def taken(folder, capsys):
    """Returns the step that is read and restored, and what is said on stderr."""
    read = read_model(folder)
    said = capsys.readouterr().err
    run = SmallRun(folder)
    step = run.checkpoints.restore()
    assert capsys.readouterr().err == ""  # said once
    for path, value in values_at(step).items():
        np.testing.assert_array_equal(read[path], value)
        np.testing.assert_array_equal(run.values()[path], value)
    return step, said


@pytest.mark.parametrize("name", [*SAVED_NOW, *SAVED_BEFORE])
def test_whatever_is_damaged_the_one_before_is_taken_and_a_line_says_why(folder, capsys, name):
    before = name in SAVED_BEFORE
    run_with(folder, 1, 2, before=before)
    assert taken(folder, capsys) == (2, "")
    content = (folder / name).read_bytes()
    for damaged in (*truncated(content), *garbled(content), None):
        if damaged is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(damaged)
        saved_steps._warn.cache_clear()
        step, said = taken(folder, capsys)
        if step == 2:  # a line's end, or bytes after the end of TensorFlow's own
            assert damaged.strip() == content.strip() or before and damaged.startswith(content)
            continue
        assert step == 1 and said.count("\n") == 1
        assert said.startswith(f"warning: passed over the checkpoint '{folder / 'step-2'}' (")
        assert said.endswith("): taking that of step 1\n")


@pytest.mark.parametrize("name", [*SAVED_NOW, *SAVED_BEFORE])
def test_a_flipped_bit_is_found_or_harmless(folder, capsys, name):
    run_with(folder, 1, 2, before=name in SAVED_BEFORE)
    content, harmless = (folder / name).read_bytes(), 0
    for damaged in flipped(content):
        (folder / name).write_bytes(damaged)
        values = read_model(folder)
        step = next(
            n for n in (1, 2) if values["net/dense/bias"][0] == values_at(n)["net/dense/bias"][0]
        )
        for path, value in values_at(step).items():
            np.testing.assert_array_equal(values[path], value)
        harmless += step == 2
    assert harmless == 0 or "data" not in name.partition(".")[2]
    assert harmless < len(content) / 2
    capsys.readouterr()


@pytest.mark.parametrize("before", [False, True])
def test_no_list_of_tensorflows_decides(folder, capsys, before):
    run_with(folder, 1, 2, before=before)
    assert (folder / "checkpoint").exists() == before
    for text in ("", 'model_checkpoint_path: "step-1"', "\0garbled"):
        (folder / "checkpoint").write_text(text)
        assert taken(folder, capsys) == (2, "")
    (folder / "checkpoint").unlink()
    assert taken(folder, capsys) == (2, "")


@pytest.mark.parametrize("before", [False, True])
def test_where_none_is_whole_none_is_taken(folder, capsys, before):
    run_with(folder, 1, 2, before=before)
    for file in folder.rglob("*.data-*"):
        file.write_bytes(file.read_bytes()[:-1])
    for read in (read_model, lambda _: SmallRun(folder).checkpoints.restore()):
        with pytest.raises(
            UserError, match=r"no checkpoint in .* is whole: '.*step-2' \(.*step-1'"
        ):
            read(folder)
    assert capsys.readouterr().err == ""
    if before:
        for file in folder.glob("step-*"):
            file.unlink()
        with pytest.raises(UserError, match="is whole: those that its list names are gone"):
            SmallRun(folder).checkpoints.restore()
    else:
        shutil.rmtree(folder / "step-2")
        shutil.rmtree(folder / "step-1")
        (folder / "step-1").write_text("a file for a folder")
        with pytest.raises(UserError, match=r"step-1' \(manifest.json: Not a directory\)"):
            SmallRun(folder).checkpoints.restore()


def test_a_run_that_was_never_saved_begins_at_0(folder):
    assert SmallRun(folder).checkpoints.restore() == 0
    with pytest.raises(UserError, match="no checkpoint in"):
        read_model(folder)


def test_a_checkpoint_of_another_run_is_passed_over(folder, tmp_path, capsys):
    SmallRun(folder, bound_to={"configuration": "a", "data": "b"}).save(1)
    SmallRun(tmp_path, bound_to={"configuration": "a", "data": "c"}).save(2)
    (tmp_path / "step-2").rename(folder / "step-2")
    assert SmallRun(folder, bound_to={"data": "c"}).checkpoints.restore() == 2
    assert SmallRun(folder, bound_to={"data": "b"}).checkpoints.restore() == 1
    assert "step-2' (it was saved with another data)" in capsys.readouterr().err


def test_one_of_another_model_is_refused(folder):
    run = SmallRun(folder)
    run.checkpoints._checkpoint.another = tf.Variable(1.0)
    run.save(1)
    with pytest.raises(UserError, match="step-1' is whole and can't be restored: "):
        SmallRun(folder).checkpoints.restore()


def events(monkeypatch, last=None):
    """Counts what a save does to the disk, and kills it before the last of these."""
    count = 0

    def watched(function):
        def act(*arguments, **options):
            nonlocal count
            count += 1
            if count == last:
                raise Killed
            return function(*arguments, **options)

        return act

    for owner, name in (
        *((saved_steps, name) for name in ("_to_disk", "_remove", "write_json")),
        *((Path, name) for name in ("mkdir", "rename", "unlink")),
    ):
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    return lambda: count


@pytest.mark.parametrize("broken", [False, True])
def test_a_save_that_is_killed_anywhere_loses_nothing(folder, capsys, monkeypatch, broken):
    """Before everything that it does to the disk; also over a broken checkpoint."""
    with monkeypatch.context() as patched:
        run = SmallRun(folder).save(1, 2)
        counted = events(patched)
        run.save(3)
        total = counted()
    assert total > 8
    for last in range(1, total + 1):
        shutil.rmtree(folder)
        run = SmallRun(folder).save(1, 2)
        if broken:
            (folder / "step-3").mkdir()
        with monkeypatch.context() as patched, pytest.raises(Killed):
            events(patched, last)
            run.save(3)
        resumed = SmallRun(folder)
        step = resumed.checkpoints.restore()
        assert step in (2, 3)
        np.testing.assert_equal(resumed.values(), values_at(step))
        resumed.checkpoints.remove_leftovers()
        assert all(path.name in ("step-1", "step-2", "step-3") for path in folder.iterdir())
        resumed.save(3)
        assert sorted(path.name for path in folder.iterdir()) == ["step-2", "step-3"]
        assert SmallRun(folder).checkpoints.restore() == 3
    capsys.readouterr()


def test_leftovers_are_removed_and_nothing_else(folder):
    run_with(folder, 1, 2)
    leftovers = (
        "step-3.partial/variables.index",
        "step-1.removed/manifest.json",
        "step-3_temp/part-00000-of-00001.index",
        "step-3.index.tempstate123",
        "step-3.data-00000-of-00001.tempstate45",
        "checkpoint.tmp0123456789abcdef",
    )
    others = ("notes.txt", "step-3.partial.txt", "my-step-3.partial", "step-x.partial", "best")
    for name in (*leftovers, *others):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("some")
    read_model(folder)
    assert all((folder / name).exists() for name in leftovers)  # whoever reads removes nothing
    SmallRun(folder).checkpoints.remove_leftovers()
    assert {path.name for path in folder.iterdir()} == {"step-1", "step-2", *others}


def test_the_newest_whole_ones_and_every_nth_are_kept(folder):
    run = SmallRun(folder, keep=2, keep_every=3).save(*range(1, 8))
    assert sorted(path.name for path in folder.iterdir()) == ["step-3", "step-6", "step-7"]
    (folder / "step-7/manifest.json").unlink()
    run = SmallRun(folder, keep=2, keep_every=3)
    assert run.checkpoints.restore() == 6
    run.save(8)  # the broken one doesn't count, and is gone
    assert sorted(path.name for path in folder.iterdir()) == ["step-3", "step-6", "step-8"]
    (folder / "step-9").mkdir()
    run.save(9)
    assert read_model(folder)["net/dense/kernel"][0, 0] == 9


def test_a_run_of_before_goes_on(folder, capsys):
    run_with(folder, 1, 2, before=True)
    run = SmallRun(folder)
    assert run.checkpoints.restore() == 2
    np.testing.assert_equal(run.values(), values_at(2))
    run.save(3)
    (folder / "step-3/manifest.json").unlink()
    assert taken(folder, capsys)[0] == 2
    run.save(4, 5)
    assert sorted(path.name for path in folder.iterdir()) == ["step-4", "step-5"]
    assert taken(folder, capsys) == (5, "")
