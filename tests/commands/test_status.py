"""The command that tells where runs stand, as its users run it."""

import json

import pytest
from shared.commands import last_error, run_command


@pytest.fixture
def runs(tmp_path):
    """Returns a folder with two runs below runs/, one of them damaged."""
    for name in ("mine", "broken"):
        folder = tmp_path / "runs" / name
        (folder / "checkpoints/step-10").mkdir(parents=True)
        (folder / "config.gin").write_text("Training.batch_size = 8\nTraining.epochs = 2\n")
        (folder / "run.json").write_text(json.dumps({"starts": [{"steps": 20}]}))
        record = {"step": 10, "epoch": 1.0, "loss": 1.25, "images_per_second": 80.0}
        (folder / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "runs/broken/run.json").write_text("{")
    return tmp_path


def test_all_runs_are_rows_and_a_damaged_one_is_a_line(runs):
    done = run_command("status", cwd=runs)
    assert done.returncode == 0 and not done.stderr
    assert max(map(len, done.stdout.splitlines()[:5])) <= 100
    title, _, _, _, broken, mine, *about = (line.strip() for line in done.stdout.splitlines())
    assert title == "runs in runs"
    assert mine.split()[:5] == ["mine", "stopped", "10/20", "1/2", "1.25"]
    assert broken.split()[:2] == ["broken", "damaged"]
    assert len(about) == 2 and "run.json' is damaged" in about[0]
    assert about[1] == "runs/mine: the same command resumes it at step 10"


def test_programs_get_records(runs):
    done = run_command("status", "--json", "runs/mine", cwd=runs)
    (record,) = json.loads(done.stdout)
    assert (record["state"], record["step"], record["saved_step"]) == ("stopped", 10, 10)


def test_a_name_that_is_none_is_one_line(runs):
    done = run_command("status", "runs/mie", cwd=runs)
    assert done.returncode == 2
    assert last_error(done) == "error: 'runs/mie' is no folder: name runs. Did you mean 'mine'?"
