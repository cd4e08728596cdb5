"""The commands on data that changed under the same path, as their users meet it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from PIL import Image
from shared.commands import last_error, run_command
from shared.smoke_trainers import SMOKE, one_device
from shared.tiny_data import contents, npz_bindings, write_splits
from shared.worker_processes import cluster_of, start_worker, train_command, wait_for

from tfadv import config
from tfadv.planning.plan import build_plan
from tfadv.runs import identity
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory


def refused(done, message):
    last = last_error(done)
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


def test_a_run_resumes_with_its_own_images_alone(images, tmp_path):
    """14 of 48 training files are gone: the resumed run said 'done' at 6 of 9 steps."""
    run, away = tmp_path / "run", tmp_path / "away"
    bindings = [
        "Experiment.dataset = 'image_folder'",
        "image_folder.image_size = 8",
        *(f"image_folder.{split} = '{images / split}'" for split in ("train", "test")),
        "Training.epochs = 3",
    ]
    stopped_run(run, bindings)
    before = contents(run)

    def train():
        files = ("--gin_file=gin/clean.gin", f"--gin_file={SMOKE}")
        return run_command("train", *files, bindings=bindings, model_dir=run)

    shutil.copytree(images / "train", away)
    for file in sorted((images / "train" / "red").iterdir())[:14]:
        file.unlink()
    refused(train(), "(train: 34 images instead of 48): put those back")
    assert contents(run) == before
    shutil.copytree(away, images / "train", dirs_exist_ok=True, copy_function=shutil.copyfile)
    done = train()
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr and "train 9/9" in done.stdout
    results = (run / "results.json").read_bytes()
    assert json.loads(results)["model"]["step"] == 9
    (images / "test" / "red" / "00.png").rename(images / "test" / "blue" / "99.png")
    with ThreadPoolExecutor(2) as two:
        again = two.submit(train)
        evaluated = two.submit(run_command, "evaluate", model_dir=run)
        refused(again.result(), "(test: other file names, other labels)")
        refused(evaluated.result(), "made with other test images (other file names, other labels)")
    assert (run / "results.json").read_bytes() == results
    assert not list(run.glob("evaluation*"))
    exported = run_command("export", model_dir=run, output_dir=tmp_path / "bundle")
    refused(exported, "made with other test images")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_a_stopped_evaluation_does_not_resume_on_other_images(tmp_path):
    write_splits(tmp_path, seed=0)
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = keras.Sequential(layers)
    dense = model.layers[-1]
    dense.kernel.assign(dense.kernel * 1e-3)
    dense.bias.assign([50.0, 0, 0, 0])  # one answer, in whatever range it is fed
    model.save(tmp_path / "model.keras")
    output = tmp_path / "evaluation.json"
    bindings = npz_bindings(tmp_path)

    def evaluate():
        model = {"saved_model": tmp_path / "model.keras", "pixel_range": "0,1", "layout": "NHWC"}
        return run_command(
            "evaluate", f"--gin_file={SMOKE}", bindings=bindings, output=output, **model
        )

    done = evaluate()
    assert done.returncode == 0, done.stderr
    record, state = output.read_bytes(), tmp_path / "evaluation.images.jsonl"
    lines = state.read_text().splitlines(keepends=True)
    output.unlink()
    shutil.rmtree(tmp_path / "evaluation_report")
    state.write_text("".join(lines[:-1]))  # as it is stopped before the last batch
    write_splits(tmp_path, seed=1)
    refused(evaluate(), "holds another evaluation (other data: other pixels)")
    assert state.read_text() == "".join(lines[:-1]) and not output.exists()
    write_splits(tmp_path, seed=0)
    assert evaluate().returncode == 0
    assert output.read_bytes() == record and state.read_text() == "".join(lines)


def test_workers_with_different_images_stop_and_say_who(tmp_path):
    write_splits(tmp_path / "0", seed=0)
    write_splits(tmp_path / "1", seed=1)
    words = train_command("gn", tmp_path / "run", *npz_bindings("$THE_IMAGES"))
    workers = [
        start_worker(words, variables | {"THE_IMAGES": str(tmp_path / str(index))})
        for index, variables in enumerate(cluster_of(2))
    ]
    for code, _, errors in wait_for(workers):
        assert code == 2
        assert "error: worker 1 has another set of train images than worker 0" in errors
    assert not (tmp_path / "run").exists()
