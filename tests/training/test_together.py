"""A run with all at once: two attacks, MixUp, a schedule, an average, micro-batches, validation.

Killed and resumed, or on two replicas, it is the unbroken run of one device.
"""

import signal
import subprocess
import time

import numpy as np
import pytest
from shared.commands import command
from shared.validated_runs import OVERLAY, validations

from benchmarks.reliability.left_files import contents, differences
from tfadv.runs.checkpoints import read_tensors
from tfadv.runs.chosen_step import best_of
from tfadv.runs.run_directory import RunDirectory

pytestmark = pytest.mark.slow

FILES = (
    "gin/plugins/threat_mixture.gin",
    "gin/scale/smoke.gin",
    "gin/schedule/epsilon_warmup.gin",
    OVERLAY,
)
# Four epochs of four steps on 64 images; 16 are held out.
STEPS, LAST = 4, 16
TOGETHER = (
    "Experiment.deterministic = True",
    "synthetic.train_examples = 80",
    "Validation.images = 16",
    "Validation.attacks = ('validation/pgd', 'l2/pgd')",
    "eval/l2/PGD.ball = 'l2'",
    "eval/l2/PGD.epsilon = 127.5",
    "eval/l2/PGD.targeted = False",
    "Validation.best = 'l2/pgd'",
    "Validation.best_weights = 'average'",
    "ResNet.blocks = (1,)",
    "Mixing.mixup_alpha = 0.4",
    "epsilon_warmup/Schedule.points = ((0, 0.25), (3, 1.0))",
    "Training.epochs = 4",
    "Training.average_decay = 0.5",
    "Training.average_statistics_batches = 2",
    "Training.micro_batch_size = 8",
    "NormPolicy.ghost_batch_size = 4",
    "Training.steps_per_call = 1",
)


def train(folder, *more):
    files = [f"--gin_file={file}" for file in FILES]
    return command("train", *files, bindings=(*TOGETHER, *more), model_dir=folder)


def run(folder, *more):
    """Trains to the end; returns the run's folder."""
    done = subprocess.run(train(folder, *more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return RunDirectory(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns the folder of the unbroken run."""
    return run(tmp_path_factory.mktemp("whole") / "run")


def tensors(directory, checkpoint="last"):
    """Returns a checkpoint's step and all that it keeps, by name."""
    step, found = read_tensors(directory.checkpoints_path, directory.bound_to(), checkpoint)
    return step, {name: value for name, value in found.items() if "OBJECT_GRAPH" not in name}


def progress(directory):
    """Returns the last steps that are saved, done and validated, and whether there are results."""
    saved = [
        int(path.parent.name.removeprefix("step-"))
        for path in directory.checkpoints_path.glob("step-*/manifest.json")
        if not path.parent.name.endswith(".partial")
    ]
    rows = list(directory.metrics())
    validated = [row["step"] for row in rows if row.get("kind") == "validation"]
    return (
        max(saved, default=0),
        max((row["step"] for row in rows), default=0),
        max(validated, default=0),
        (directory.path / "results.json").exists(),
    )


# Each in a process that begins where the one before was killed. What is first done in one is
# traced, which takes the longest: the kills hit it.
KILLS = {
    "within the first epoch": lambda saved, done, validated, _: 1 < done < STEPS,
    "within the first validation": lambda saved, done, validated, _: saved == STEPS > validated,
    "within the second epoch": lambda saved, done, validated, _: STEPS < done < 2 * STEPS,
    "within the second validation": lambda saved, done, validated, _: (
        saved == 2 * STEPS > validated
    ),
    "within the evaluation": lambda saved, done, validated, has_results: (
        validated == LAST and not has_results
    ),
}


def kill_when(moment, folder):
    """Starts the run and kills it at a moment; returns where it was."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(train(folder), stdout=quiet, stderr=quiet)
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if moment(*progress(RunDirectory(folder))):
            break
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    return progress(RunDirectory(folder))


def test_killed_and_resumed_it_is_the_unbroken_run(whole, tmp_path):
    found = {name: kill_when(moment, tmp_path) for name, moment in KILLS.items()}
    assert [name for name in KILLS if not KILLS[name](*found[name])] == []
    resumed = run(tmp_path)
    assert len(resumed.starts()) == len(KILLS) + 1
    for checkpoint in ("last", "best"):
        step, expected = tensors(whole, checkpoint)
        assert {name.split("/")[0] for name in expected} >= {"model", "optimizer", "average"}
        assert tensors(resumed, checkpoint)[0] == step
        np.testing.assert_equal(tensors(resumed, checkpoint)[1], expected)
    assert [row["step"] for row in validations(whole)] == [4, 8, 12, 16]
    assert validations(resumed) == validations(whole)
    assert best_of(resumed.checkpoints_path) == best_of(whole.checkpoints_path)
    assert resumed.results() == whole.results()
    assert differences(contents(resumed.path), contents(whole.path)) == []


def test_it_does_all_of_it(whole):
    rows = [row for row in whole.metrics() if row.get("kind") != "validation"]
    factors = np.minimum(0.25 + 0.75 * np.arange(LAST) / 12, 1)
    for attack, epsilon in (("PGD", 16.0), ("l2/PGD", 127.5)):
        found = [row[f"schedule/{attack}.epsilon"] for row in rows]
        np.testing.assert_allclose(found, epsilon * factors, rtol=1e-6)
    names = {name for name in rows[-1] if name.endswith("_accuracy")}
    assert names == {"adv_accuracy", "l2_accuracy"}
    (start,) = whole.starts()
    assert (start["micro_batches"], start["statistics_of"]) == (2, "4 images")
    found = [row["accuracy"] for row in validations(whole)]
    assert set(found[0]["trained"]["main"]) == {"clean", "validation/pgd", "l2/pgd"}
    assert any(row != found[0] for row in found)
    assert any(row["trained"] != row["average"] for row in found)
    assert {"weight_average", "best"} <= set(whole.results())


def test_two_replicas_are_one(whole, tmp_path):
    two = run(tmp_path, "Distribution.virtual_cpus = 2", "Training.micro_batch_size = 4")
    (start,) = two.starts()
    assert (start["replicas"], start["micro_batches"]) == (2, 2)
    step, expected = tensors(whole)
    (found_step, found) = tensors(two)
    assert found_step == step == LAST and found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, rtol=0, err_msg=name)
    for one, other in zip(validations(whole), validations(two), strict=True):
        assert other["accuracy"] == one["accuracy"] and other["value"] == one["value"]
    step_of = [best_of(run.checkpoints_path)["step"] for run in (whole, two)]
    assert step_of[0] == step_of[1]
    for record in ("clean", "attacks"):
        assert two.results()[record] == whole.results()[record]
