"""Where a run stands, by its files: in every state, of every release, and damaged."""

import contextlib
import dataclasses
import json
import os
import socket
import time
import zipfile

import pytest
from shared.project import ROOT

from tfadv.files import write_record
from tfadv.runs import lock_file, one_writer
from tfadv.status.places import runs_in
from tfadv.status.run_status import is_run, status_of
from tfadv.status.table import lines

CONFIG = "Training.batch_size = 64\nTraining.epochs = 4\n"


def line(step, loss=1.0, speed=100.0):
    return {"step": step, "epoch": step / 50, "loss": loss, "images_per_second": speed}


def validation(step, value, **alarms):
    seen = {"clean": 0.8, "robust": value, "one_step": 0.5}
    return {
        "kind": "validation",
        "step": step,
        "epoch": step / 50,
        "value": value,
        "criterion": "v/pgd of 'adv'",
        "branches": {"clean": seen, "adv": seen},
        "attacked": ["adv"],
        "alarms": alarms,
    }


@pytest.fixture
def run(tmp_path):
    """Returns a run of 200 steps that was stopped at step 110 and saved at 100."""
    folder = tmp_path / "run"
    (folder / "checkpoints/step-50").mkdir(parents=True)
    (folder / "checkpoints/step-100").mkdir()
    (folder / "checkpoints/step-110.partial").mkdir()
    (folder / "config.gin").write_text(CONFIG)
    write_record(folder / "run.json", {"seed": 0, "starts": [{"steps": 200}]})
    records = [line(10, speed=1.0), *(line(step) for step in range(20, 51, 10))]
    records += [validation(50, 0.4), *(line(step, 0.5) for step in range(60, 101, 10))]
    records += [validation(100, 0.3, collapse="sudden collapse"), line(110, 0.25)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder


def held(folder, process=None, host=None, machine=None, age=0.0):
    """Writes the lock's file of a process; sets its last sign of life."""
    content = {"process": process or os.getpid(), "host": host or socket.gethostname()}
    content |= {"since": "2026-11-29T10:00:00+00:00", "machine": machine or lock_file.machine()}
    (folder / "writer.lock").write_text(json.dumps(content))
    os.utime(folder / "writer.lock", (time.time() - age,) * 2)


def test_a_stopped_run_says_where_it_resumes(run):
    found = status_of(run)
    assert (found.state, found.step, found.steps, found.saved_step) == ("stopped", 110, 200, 100)
    assert (found.epoch, found.epochs, found.loss) == (2.2, 4, 0.25)
    assert found.images_per_second == 100.0 and found.seconds_left is None
    assert found.validation["value"] == 0.3
    assert found.validation["branches"]["adv"] == {"clean": 0.8, "robust": 0.3}
    assert (found.best["epoch"], found.best["value"]) == (1.0, 0.4)
    assert found.alarms == ["sudden collapse"] and not found.problems
    assert [text.partition(": ")[2] for text in lines([found])] == [
        "the same command resumes it at step 100",
        "alarm: sudden collapse",
    ]


def test_a_running_run_has_its_process_and_the_time_left(run):
    with one_writer.writing(run, run / "writer.lock", "model_dir"):
        found = status_of(run)
    assert found.state == "running" and found.writer["process"] == os.getpid()
    assert found.seconds_left == 90 * 64 / 100
    assert status_of(run).state == "stopped"


@pytest.mark.parametrize(
    ("lock", "state"),
    [
        ({"process": 2**22 + 1}, "stopped"),  # beyond any process' number
        ({"age": 100}, "silent"),
        ({"host": "other", "machine": "another", "age": 20}, "running"),
        ({"host": "other", "machine": "another", "age": 100}, "stopped"),
    ],
)
def test_a_lock_tells_who_lives(run, lock, state):
    held(run, **lock)
    before = (run / "writer.lock").read_bytes()
    assert status_of(run).state == state
    assert (run / "writer.lock").read_bytes() == before


def test_a_run_that_was_not_finite_says_so_until_it_goes_on(run):
    (run / "non_finite/step-113").mkdir(parents=True)
    assert status_of(run).state == "not finite"
    with open(run / "metrics.jsonl", "a") as file:
        file.write(json.dumps(line(120)) + "\n")
    assert status_of(run).state == "stopped"


def test_a_finished_run_has_the_step_that_was_measured(run):
    early = {"step": 150, "reason": "2 validation(s) without a better one"}
    results = {"model": {"step": 150}, "clean": {}, "attacks": [], "stopped_early": early}
    write_record(run / "results.json", results)
    found = status_of(run)
    assert (found.state, found.step) == ("finished", 150)
    assert "stopped early: 2 validation(s)" in "".join(lines([found]))


def test_a_run_that_was_claimed_and_no_more_is_not_begun(run):
    for path in ("metrics.jsonl", "checkpoints/step-50", "checkpoints/step-100"):
        target = run / path
        target.unlink() if target.is_file() else target.rmdir()
    found = status_of(run)
    assert (found.state, found.step, found.steps) == ("not begun", None, 200)


@pytest.mark.parametrize("name", ["run.json", "results.json"])
def test_a_damaged_record_is_one_line(run, name):
    write_record(run / "results.json", {"model": {"step": 200}, "clean": {}, "attacks": []})
    (run / name).write_text('{"starts": [')
    found = status_of(run)
    assert found.state == "damaged" and found.step in (110, 200)
    (problem,) = found.problems
    assert f"{name}' is damaged" in problem and "\n" not in problem


def test_damaged_lines_are_left_out(run, capsys):
    with open(run / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": "x"}\n\xff\xfe\n{"step": 120, "lo')
    assert status_of(run).step == 110
    assert "left out what is damaged, line 14, 15" in capsys.readouterr().err


def test_odd_values_are_no_traceback(run):
    write_record(run / "run.json", {"starts": [{}]})
    (run / "metrics.jsonl").write_text('{"step": 3}\n{"kind": "validation", "step": 3}\n')
    found = status_of(run)
    assert (found.state, found.step, found.steps) == ("stopped", 3, None)
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    found = status_of(run)
    assert found.state == "damaged" and found.problems == ["metrics.jsonl: Is a directory"]


@pytest.mark.parametrize("release", ["0_1", "0_2"])
def test_runs_of_releases_are_read(tmp_path, release):
    zipfile.ZipFile(ROOT / f"tests/fixtures/release_{release}.zip").extractall(tmp_path)
    (folder,) = runs_in([str(tmp_path)])
    assert folder.name == "run" and not is_run(tmp_path / "bundle")
    found = status_of(folder)
    metrics = [json.loads(text) for text in (folder / "metrics.jsonl").read_text().splitlines()]
    assert (found.state, found.step, found.saved_step) == ("stopped", metrics[-1]["step"], 2)
    assert found.steps == found.epochs == 3
    assert json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_reading_changes_nothing(run):
    before = {path: path.stat().st_mtime_ns for path in sorted(run.rglob("*"))}
    run.chmod(0o555)
    with contextlib.ExitStack() as stack:
        stack.callback(run.chmod, 0o755)
        status_of(run)
    assert {path: path.stat().st_mtime_ns for path in sorted(run.rglob("*"))} == before
