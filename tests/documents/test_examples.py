"""The programs in docs/examples run, with budgets of seconds."""

import importlib.util
import json
import subprocess
import sys
import types

import pytest
from shared.project import ROOT

SMALL = ["gin/scale/smoke.gin"]
BOUND = {"synthetic.train_examples": 64, "Validation.images": 16, "eval/validation/PGD.steps": 1}


@pytest.fixture(scope="module")
def search():
    """Returns the module of docs/examples/optuna_search.py."""
    pytest.importorskip("optuna", reason="the extra 'optuna' is not installed")
    path = ROOT / "docs/examples/optuna_search.py"
    spec = importlib.util.spec_from_file_location("optuna_search", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_search_finds_the_best_of_its_validations_and_goes_on(search, tmp_path):
    overlay = tmp_path / "small.gin"
    overlay.write_text("".join(f"{key} = {value}\n" for key, value in BOUND.items()))
    command = [sys.executable, str(ROOT / "docs/examples/optuna_search.py")]
    command += [f"--folder={tmp_path / 'search'}", f"--gin_file={overlay}"]
    command += [f"--gin_file={file}" for file in SMALL]
    for trials in (2, 1):
        words = [*command, f"--trials={trials}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    best = {}
    for number in range(3):
        lines = (tmp_path / f"search/trial-{number}/metrics.jsonl").read_text().splitlines()
        found = [line for line in map(json.loads, lines) if line.get("kind") == "validation"]
        best[number] = max(line["value"] for line in found)
    assert f"{max(best.values()):.1%} on held-out images" in done.stdout


@pytest.mark.slow
def test_a_trial_that_is_not_worth_its_time_is_stopped_saved(search, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    reported = []
    trial = types.SimpleNamespace(
        report=lambda value, epoch: reported.append((epoch, value)), should_prune=lambda: True
    )
    run = tmp_path / "run"
    process = search.train([*search.RECIPE, *SMALL], {**BOUND, "Training.epochs": 5000}, run)
    with pytest.raises(search.optuna.TrialPruned):
        search.follow(process, run, trial)
    assert process.returncode == 128 + 15 and reported[0][0] == 1
    assert list((run / "checkpoints").glob("step-*/manifest.json"))
    wrong = search.train([*search.RECIPE, *SMALL], {"PGD.epsilon": -1.0}, tmp_path / "wrong")
    with pytest.raises(RuntimeError, match="ended with 2: error: .*PGD.epsilon must be >= 0"):
        search.follow(wrong, tmp_path / "wrong", trial)
