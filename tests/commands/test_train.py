"""The training command as its users run it: a whole run, and mistakes in one line."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

SMOKE = ["--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/smoke.gin"]
FILES = [
    "config.gin",
    "operative_config.gin",
    "run.json",
    "metrics.jsonl",
    "results.json",
    "checkpoints/checkpoint",
    "tensorboard",
]


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "tfadv.train", *arguments], capture_output=True, text=True, cwd=cwd
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Returns a folder with one run, made from another working directory."""
    folder = tmp_path_factory.mktemp("elsewhere")
    done = run(*SMOKE, "--model_dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_run_leaves_every_file_and_prints_both_branches(finished):
    folder, done = finished
    for name in FILES:
        assert (folder / "run" / name).exists(), name
    record = json.loads((folder / "run" / "results.json").read_text())
    assert set(record) >= {
        "model",
        "dataset",
        "epsilon",
        "pixel_range",
        "examples",
        "clean",
        "attacks",
    }
    assert set(record["clean"]) == {"clean", "adv"}
    assert {row["branch"] for row in record["attacks"]} == {"clean", "adv"}
    assert "train 2/2" in done.stdout and "PGD-10 targeted ε=16" in done.stdout
    assert "warning:" not in done.stderr
    started = json.loads((folder / "run" / "run.json").read_text())
    assert started["seed"] == 0 and "tensorflow" in started["starts"][0]["versions"]
    operative = (folder / "run" / "operative_config.gin").read_text()
    assert "PGD.steps = 2" in operative and "MixtureBatchNorm.momentum = 0.9" in operative


def test_tensorboard_has_curves_and_the_strip(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished[0] / "run" / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["tensors"])
    assert {"loss", "adv_accuracy", "learning_rate"} <= tags
    assert "clean, adversarial, difference" in tags


def test_the_same_command_prints_the_finished_run(finished):
    folder, first = finished
    again = run(*SMOKE, "--model_dir=run", cwd=folder)
    assert again.returncode == 0 and "train" not in again.stdout
    assert again.stdout.splitlines()[-4:] == first.stdout.splitlines()[-4:]


def test_a_run_of_another_norm_is_no_start_for_finetuning(finished):
    folder, _ = finished
    files = ["--gin_file=gin/finetune/clean_images.gin", SMOKE[1]]
    chosen = "--gin_bindings=Experiment.initial_weights = 'run'"
    done = run(*files, chosen, "--model_dir=finetuned", cwd=folder)
    assert done.returncode == 2 and not (folder / "finetuned").exists()
    assert "'run' has no stem/norm/gamma." in done.stderr.splitlines()[-1]


def test_another_config_there_is_refused(finished):
    folder, _ = finished
    before = (folder / "run" / "config.gin").read_text()
    done = run(*SMOKE, "--model_dir=run", "--gin_bindings=PGD.steps = 3", cwd=folder)
    assert done.returncode == 2
    assert "another config (PGD.steps: 2 → 3)" in done.stderr.splitlines()[-1]
    assert (folder / "run" / "config.gin").read_text() == before


MISTAKES = [
    (["--gin_file=gin/mbn_al.gin"], "error: --gin_file: no gin file"),
    ([*SMOKE, "--gin_bindings=PGD.stps = 3"], "Did you mean 'steps'"),
    ([*SMOKE, "--gin_bindings=Experiment.strategy = 'alp'"], "no strategy is called 'alp'"),
    ([*SMOKE, "--gin_bindings=PGD.epsilon = -1"], "'PGD.epsilon = -1': PGD.epsilon must be"),
    (
        [
            *SMOKE,
            "--gin_bindings=Training.batch_size = 15",
            "--gin_bindings=Distribution.virtual_cpus = 2",
        ],
        "can't be divided among 2 replicas: take 14 or 16",
    ),
    (
        ["--gin_file=gin/mbn.gin", "--gin_file=gin/scale/imagenet.gin"],
        "gin/scale/imagenet.gin:6: imagenet.folder: '$IMAGENET_DIR' is no folder here",
    ),
    (
        ["--gin_file=gin/finetune/clean_images.gin"],
        "needs Experiment.initial_weights",
    ),
    (["gin/mbn.gin"], "gin files go in --gin_file=gin/mbn.gin"),
    ([], "name a recipe"),
]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """Returns what each mistaken command left: two run at a time, for starting takes seconds."""

    def left(mistake):
        folder = tmp_path_factory.mktemp("mistaken")
        return folder, run(*mistake[0], "--model_dir=run", cwd=folder)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(left, MISTAKES))


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[message for _, message in MISTAKES])
def test_mistakes_end_in_one_line_before_training(mistaken, number):
    (folder, done), message = mistaken[number], MISTAKES[number][1]
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (folder / "run").exists()


def test_a_label_out_of_range_ends_in_one_line_before_training(tmp_path):
    images = np.zeros((64, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=images, label=np.arange(64), label_names=["cat", "dog"])
    arguments = [f"--gin_bindings=npz.{split} = 'a.npz'" for split in ("train", "test")]
    arguments += ["--gin_bindings=Experiment.dataset = 'npz'", "--model_dir=run"]
    done = run(*SMOKE, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "run").exists()
    assert "error: npz.train: label 2 of example 2 is not in 0..1" in done.stderr.splitlines()[-1]


def test_dry_run_writes_nothing(tmp_path):
    done = run(*SMOKE, "--dry_run", cwd=tmp_path)
    assert done.returncode == 0 and "PGD.steps = 2" in done.stdout
    assert "'MBN, 100% adv + 100% clean, ALP': adv branch 65.9% clean" in done.stdout
    assert not list(tmp_path.iterdir())


def test_what_is_odd_is_told_once_before_training(tmp_path):
    images = np.random.default_rng(0).integers(0, 17, (32, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", image=images, label=np.arange(32) % 4)
    arguments = [f"--gin_bindings=npz.{split} = 'a.npz'" for split in ("train", "test")]
    arguments += ["--gin_bindings=Experiment.dataset = 'npz'", "--gin_bindings=PGD.epsilon = 0.06"]
    message = [
        "npz.train: the largest pixel is 16, of 255",
        "npz.test: the largest pixel is 16, of 255",
        "npz.test: 32 of 32 images are in npz.train too",
        "epsilon = 0.06 of the training attack, pgd10/pgd is less than one",
    ]
    for more in (["--dry_run"], []):
        done = run(*SMOKE, *arguments, *more, "--model_dir=run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        for warning in message:
            assert done.stderr.count(f"warning: {warning}") == 1, done.stderr


def test_two_virtual_replicas_train_from_the_command_line(tmp_path):
    done = run(*SMOKE, "--gin_bindings=Distribution.virtual_cpus = 2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on 2 replica(s)" in done.stdout


def test_training_says_what_is_odd_in_a_line(folder):
    (folder / "train" / "red" / "d.webp").write_bytes(b"")
    arguments = ["--gin_file=gin/clean.gin", "--gin_file=gin/scale/smoke.gin", "--dry_run"]
    bindings = {
        "Experiment.dataset": "image_folder",
        "image_folder.train": str(folder / "train"),
        "image_folder.test": str(folder / "test"),
        "image_folder.image_size": 8,
        "Training.batch_size": 2,
    }
    arguments += [f"--gin_bindings={name} = {value!r}" for name, value in bindings.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tfadv.train", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1 and "image_folder.train: not read" in warnings[0]
    assert "1 .webp" in warnings[0] and done.stdout.startswith("paper")
