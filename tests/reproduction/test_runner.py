"""Which runs are made, in what order, and what becomes of one that fails."""

import json

import pytest

from tfadv.errors import UserError
from tfadv.reproduction import cells
from tfadv.reproduction.catalogue import EXPERIMENTS
from tfadv.reproduction.experiment import model
from tfadv.reproduction.runner import Runner, collect
from tfadv.runs import processes

SMOKE = cells.setting_of(["gin/scale/smoke.gin"], [])


@pytest.fixture
def made(monkeypatch):
    """Commands that leave what the real ones leave, but for those told to fail.

    Returns:
        A list of what was run, and a set of words: a command whose arguments have one fails.
    """
    done, failing = [], set()

    def run(command, arguments, log, keep_open=()):
        flags = dict(word.removeprefix("--").split("=", 1) for word in arguments)
        done.append((command, flags["model_dir"]))
        if any(word in " ".join([command, *arguments]) for word in failing):
            return processes.Ended(2, "error: it can't be done", 1.0)
        folder = log.with_suffix("")
        folder.mkdir(parents=True, exist_ok=True)
        name = "results.json" if command == "train" else flags["output"].rpartition("/")[2]
        (folder / name).write_text("{}")
        return processes.Ended(0, "done", 1.0)

    monkeypatch.setattr(processes, "run", run)
    return done, failing


def runner(folder, setting=SMOKE):
    said = []
    return Runner(folder, setting, said.append), said


def grid(name, seeds=(0,)):
    return cells.grid(EXPERIMENTS[name].models, seeds, SMOKE)


def test_each_cell_is_trained_then_evaluated_once(tmp_path, made):
    done, _ = made
    one, _ = runner(tmp_path)
    found = grid("table1", (0, 1))
    assert one.run_all(found) == []
    runs = [str(cell.run(tmp_path)) for cell in found]
    assert done == [(command, run) for run in runs for command in ("train", "evaluate")]
    assert one.run_all(found) == []
    assert len(done) == 2 * len(found)  # nothing twice
    assert one.seconds(found[0]) == {"train": 1.0, "evaluate": 1.0}


def test_experiments_share_what_is_there(tmp_path, made):
    done, _ = made
    one, _ = runner(tmp_path)
    one.run_all(grid("table1"))
    before = len(done)
    one.run_all(grid("table2"))
    new = set(grid("table2")) - set(grid("table1"))
    assert {run for _, run in done[before:]} == {str(cell.run(tmp_path)) for cell in new}


def test_another_evaluation_trains_nothing(tmp_path, made):
    done, _ = made
    runner(tmp_path)[0].run_all(grid("table1"))
    del done[:]
    other = cells.setting_of(["gin/scale/smoke.gin", "gin/eval/autoattack.gin"], [])
    runner(tmp_path, other)[0].run_all(grid("table1"))
    assert {command for command, _ in done} == {"evaluate"}


def test_a_cell_that_fails_leaves_the_others_alone(tmp_path, made):
    done, failing = made
    failing.add("/mbn/")
    one, said = runner(tmp_path)
    found = grid("table1")
    failed = one.run_all(found)
    assert [cell.name for cell in failed] == ["mbn"]
    assert all(one.is_finished(cell) for cell in found if cell.name != "mbn")
    assert any("it can't be done" in line for line in said)
    results = collect(one, {model("mbn"): failed})
    assert results.missing[model("mbn")] == [
        f"seed 0 failed: it can't be done ({tmp_path}/runs/mbn/seed0.log)"
    ]
    # Mended, it is tried again, and the failure is forgotten.
    failing.clear()
    assert one.run_all(found) == []
    assert one.is_finished(failed[0])
    assert not list(tmp_path.rglob("*.failed.json"))


def test_what_starts_from_a_failure_is_not_tried(tmp_path, made):
    done, failing = made
    failing.add("/clean/")
    one, _ = runner(tmp_path)
    failed = [cell.name for cell in one.run_all(grid("finetune_bn"))]
    assert failed[0] == "clean" and failed[1].startswith("finetune_adversarial_images")
    assert not any("finetune_adversarial" in run for _, run in done)
    (line,) = [
        json.loads(path.read_text())["line"]
        for path in tmp_path.glob("runs/fine*/*.json")
        if "failed" in path.name
    ]
    assert line == "the run that it starts from, clean, is not there"


def test_a_cell_that_another_process_is_at_comes_last(tmp_path, made):
    done, _ = made
    one, said = runner(tmp_path)
    first, *rest = found = grid("table1")
    with processes.locked(tmp_path / f"runs/{first.name}/seed0.lock"):
        busy = [cell for cell in found if not one._try(cell, found, [], wait=False)]
    assert busy == [first]
    assert {run for _, run in done} == {str(cell.run(tmp_path)) for cell in rest}


def test_mistakes_are_found_before_anything_is_run(tmp_path, made):
    wrong = cells.setting_of(["gin/scale/smoke.gin"], ["PGD.epsilonn = 3.0"])
    with pytest.raises(UserError, match="PGD has no parameter 'epsilonn'"):
        runner(tmp_path, wrong)[0].check(grid("table1"))
    cell = grid("table1")[0]
    cell.run(tmp_path).mkdir(parents=True)
    (cell.run(tmp_path) / "config.gin").write_text("PGD.epsilon = 3.0\n")
    with pytest.raises(UserError, match="holds a run with another config"):
        runner(tmp_path)[0].check(grid("table1"))
