"""Commands that validate on their way: killed, in several processes, and driven into collapse."""

import json
import signal
import subprocess
import time

import pytest
from shared.commands import command
from shared.worker_processes import start_workers, wait_for

from benchmarks.reliability.left_files import contents, differences
from tfadv.runs.chosen_step import best_of
from tfadv.runs.run_directory import RunDirectory

VALIDATED = (
    "Experiment.deterministic = True",
    "synthetic.train_examples = 48",
    "Validation.every_epochs = 1",
    "Validation.images = 16",
    "Validation.attacks = ('pgd10/pgd',)",
    "Training.epochs = 4",
)


def validations(folder):
    return [row for row in RunDirectory(folder).metrics() if row.get("kind") == "validation"]


def train(folder, *files, bindings=VALIDATED):
    words = [f"--gin_file={file}" for file in files]
    return command("train", *words, bindings=bindings, model_dir=folder)


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_killed_after_a_validation_it_ends_as_an_unbroken_run(tmp_path):
    recipe = ("gin/mbn.gin", "gin/scale/smoke.gin")
    run(train(tmp_path / "whole", *recipe))
    words = train(tmp_path / "killed", *recipe)
    for count in (1, 2):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while len(validations(tmp_path / "killed")) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    run(words)
    whole, killed = (contents(tmp_path / name) for name in ("whole", "killed"))
    assert differences(whole, killed) == []
    assert len(validations(tmp_path / "killed")) == 4


@pytest.mark.slow
def test_workers_validate_together(tmp_path):
    bindings = (*VALIDATED, "NormPolicy.across_replicas = 'sync'")
    run(train(tmp_path / "one", "gin/gn.gin", "gin/scale/smoke.gin", bindings=bindings))
    ended = wait_for(start_workers("gn", tmp_path / "two", *bindings))
    assert [code for code, *_ in ended] == [0, 0], ended[0][2]
    one, two = (validations(tmp_path / name) for name in ("one", "two"))
    assert [row["accuracy"] for row in one] == [row["accuracy"] for row in two]
    found = [best_of(tmp_path / name / "checkpoints")["step"] for name in ("one", "two")]
    assert found[0] == found[1]
    results = json.loads((tmp_path / "two/results.json").read_text())
    assert results["best"]["chosen_by"]["step"] == found[0]
