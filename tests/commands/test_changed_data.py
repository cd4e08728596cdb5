"""The commands on data that changed under the same path, as their users meet it."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from PIL import Image
from shared.smoke_trainers import SMOKE, one_device
from shared.worker_processes import command as train_command
from shared.worker_processes import finish as wait_for
from shared.worker_processes import free_ports, start_worker

from tfadv import config
from tfadv.planning.plan import build_plan
from tfadv.runs import identity
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory


def command(name, *arguments, bindings=(), **named):
    said = [f"--gin_bindings={binding}" for binding in bindings]
    said += [f"--{flag}={value}" for flag, value in named.items()]
    return subprocess.run(
        [sys.executable, "-m", f"tfadv.{name}", *arguments, *said], capture_output=True, text=True
    )


def refused(done, message):
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2 and last.startswith("error: ") and message in last, done.stderr


@pytest.fixture
def images(tmp_path):
    """Returns folders of 48 images to train on and 8 to test on, in two classes."""
    random = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 4)):
        for name in ("blue", "red"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path


def stopped_run(path, bindings):
    """Leaves a run in `path` as it is stopped after 3 of its 9 steps."""
    read = config.read(["gin/clean.gin", SMOKE], bindings)
    plan = build_plan()
    directory = RunDirectory(path)
    bound_to = identity.check_run(directory, plan, identity.alone())
    directory.claim(read, ["CPU"], plan.experiment.seed, bound_to)
    trainer = one_device(plan)
    next(trainer.steps())
    Checkpoints(directory.checkpoints_path, trainer.model, trainer.optimizer).save()
    assert (trainer.step, plan.steps) == (3, 9)


def everything_in(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_a_run_goes_on_with_its_own_images_alone(images, tmp_path):
    """14 of 48 training files are gone: the resumed run said 'done' at 6 of 9 steps."""
    run, away = tmp_path / "run", tmp_path / "away"
    bindings = [
        "Experiment.dataset = 'image_folder'",
        "image_folder.image_size = 8",
        *(f"image_folder.{split} = '{images / split}'" for split in ("train", "test")),
        "Training.epochs = 3",
    ]
    stopped_run(run, bindings)
    before = everything_in(run)

    def train():
        files = ("--gin_file=gin/clean.gin", f"--gin_file={SMOKE}")
        return command("train", *files, bindings=bindings, model_dir=run)

    shutil.copytree(images / "train", away)
    for file in sorted((images / "train" / "red").iterdir())[:14]:
        file.unlink()
    refused(train(), "(train: 34 images instead of 48): put those back")
    assert everything_in(run) == before
    shutil.copytree(away, images / "train", dirs_exist_ok=True, copy_function=shutil.copyfile)
    done = train()
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr and "train 9/9" in done.stdout
    results = (run / "results.json").read_bytes()
    assert json.loads(results)["model"]["step"] == 9
    (images / "test" / "red" / "00.png").rename(images / "test" / "blue" / "99.png")
    with ThreadPoolExecutor(2) as two:
        again = two.submit(train)
        evaluated = two.submit(command, "evaluate", model_dir=run)
        refused(again.result(), "(test: other file names, other labels)")
        refused(evaluated.result(), "made with other test images (other file names, other labels)")
    assert (run / "results.json").read_bytes() == results
    assert not list(run.glob("evaluation*"))
    exported = command("export", model_dir=run, output_dir=tmp_path / "bundle")
    refused(exported, "made with other test images")
    assert not (tmp_path / "bundle").exists()


def drawn(path, seed):
    random = np.random.default_rng(seed)
    path.mkdir(exist_ok=True)
    for split, count in (("train", 32), ("test", 20)):
        pixels = random.integers(0, 256, (count, 8, 8, 3), np.uint8)
        np.savez(path / f"{split}.npz", image=pixels, label=np.arange(count) % 4)


@pytest.mark.slow
def test_a_stopped_evaluation_does_not_go_on_over_other_images(tmp_path):
    drawn(tmp_path, seed=0)
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = keras.Sequential(layers)
    model.layers[-1].bias.assign([50.0, 0, 0, 0])  # one answer, in whatever range it is fed
    model.save(tmp_path / "model.keras")
    output = tmp_path / "evaluation.json"
    bindings = ["Experiment.dataset = 'npz'"]
    bindings += [f"npz.{split} = '{tmp_path / split}.npz'" for split in ("train", "test")]

    def evaluate():
        model = {"saved_model": tmp_path / "model.keras", "pixel_range": "0,1", "layout": "NHWC"}
        return command("evaluate", f"--gin_file={SMOKE}", bindings=bindings, output=output, **model)

    done = evaluate()
    assert done.returncode == 0, done.stderr
    record, state = output.read_bytes(), tmp_path / "evaluation.images.jsonl"
    lines = state.read_text().splitlines(keepends=True)
    output.unlink()
    shutil.rmtree(tmp_path / "evaluation_report")
    state.write_text("".join(lines[:-1]))  # as it is stopped before the last batch
    drawn(tmp_path, seed=1)
    refused(evaluate(), "holds another evaluation (other data: other pixels)")
    assert state.read_text() == "".join(lines[:-1]) and not output.exists()
    drawn(tmp_path, seed=0)
    assert evaluate().returncode == 0
    assert output.read_bytes() == record and state.read_text() == "".join(lines)


def test_workers_with_different_images_stop_and_say_who(tmp_path):
    drawn(tmp_path / "0", seed=0)
    drawn(tmp_path / "1", seed=1)
    bindings = ["Experiment.dataset = 'npz'"]
    bindings += [f"npz.{split} = '$THE_IMAGES/{split}.npz'" for split in ("train", "test")]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = []
    for index in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        variables = {"TF_CONFIG": json.dumps(task), "THE_IMAGES": str(tmp_path / str(index))}
        workers.append(start_worker(train_command("gn", tmp_path / "run", *bindings), variables))
    for code, _, message in wait_for(workers):
        assert code == 2
        assert "error: worker 1 has another set of train images than worker 0" in message
    assert not (tmp_path / "run").exists()
