"""``python -m tfadv.data`` as its users meet it: what it prints, writes and returns."""

import numpy as np
import pytest
from rich.console import Console
from shared.commands import last_error, run_command
from shared.image_sets import spoil, write_noise
from shared.tiny_data import contents, random_examples, write_npz

from tfadv.data.image_folder import image_folder
from tfadv.data.packed import packed
from tfadv.inspection import data_sets, report
from tfadv.inspection.inspect import inspect


def test_bad_files_of_a_thousand_make_a_set_unfit(tmp_path):
    """Two processes find what one does."""
    spoil(write_noise(tmp_path / "noise", 1000))
    given = {"folder": tmp_path / "noise", "output_dir": tmp_path / "two", "workers": 2}
    done = run_command("data", **given)
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert "not fit to train on: all: 25 of 1,000 images can't be read" in done.stdout
    assert "look at all 1000/1000" in done.stdout
    inspect(data_sets.folder(tmp_path / "noise"), tmp_path / "one", 1, Console(quiet=True))
    for name in (report.PAGE, report.RECORD, report.MANIFEST):
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name


@pytest.mark.slow
def test_a_data_set_that_is_fit(tmp_path):
    done = run_command("data", "--gin_file=gin/scale/digits.gin", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "\nfit to train on\n" in done.stdout
    written = contents(tmp_path)
    assert {path.parent for path in written} == {tmp_path / "runs" / "data-digits"}
    again = run_command("data", "--gin_file=gin/scale/digits.gin", cwd=tmp_path)
    assert again.returncode == 2 and "--output_dir: there is a '" in last_error(again)
    assert contents(tmp_path) == written


@pytest.mark.slow
def test_arrays_in_0_1_are_unfit(tmp_path):
    images, labels = random_examples(12)
    file = write_npz(tmp_path / "a.npz", images / np.float32(255), labels)
    done = run_command("data", npz=file, output_dir=tmp_path / "report")
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert "not fit to train on" in done.stdout and "multiply them by 255" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folder=a", "--npz=b"], "name one of --gin_file, --folder and --npz"),
        (["--folder=nothing"], "--folder: no 'nothing'"),
    ],
)
def test_mistakes_take_one_line(words, message, tmp_path):
    done = run_command("data", *words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: "), done.stderr
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert not contents(tmp_path)


def test_a_folder_is_packed_once(folder):
    words = ["--gin_file=gin/scale/smoke.gin", f"--pack={folder}/packed"]
    words += [
        f"--gin_bindings={binding}"
        for binding in (
            "Experiment.dataset = 'image_folder'",
            f"image_folder.train = '{folder}/train'",
            f"image_folder.test = '{folder}/test'",
            "image_folder.image_size = 8",
        )
    ]
    done = run_command("data", *words)
    assert done.returncode == 0, done.stderr
    ours, theirs = (
        packed(f"{folder}/packed", 8),
        image_folder(f"{folder}/train", f"{folder}/test", 8),
    )
    for split in (0, 1):
        np.testing.assert_array_equal(ours[split].labels, theirs[split].labels)
        for number in range(len(theirs[split])):
            np.testing.assert_array_equal(*(s[split].fetch(number)[0] for s in (ours, theirs)))
    again = run_command("data", *words)
    assert again.returncode == 2 and "nothing is overwritten" in last_error(again)
