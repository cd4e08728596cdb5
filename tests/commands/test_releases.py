"""What earlier releases left is read and gone on with: runs, evaluations and bundles."""

import json
import shutil

import numpy as np
import pytest
from shared.commands import last_error, run_command
from shared.project import ROOT

from tfadv import adapters, config
from tfadv.evaluation.outcome_log import OutcomeLog, Unit
from tfadv.interop import external_models
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.run_directory import RunDirectory

RELEASES = sorted((ROOT / "tests/fixtures").glob("release_*.zip"), reverse=True)
# As fixtures/make.py trains and evaluates.
TRAIN = ("--gin_file=gin/mbn.gin", "--gin_file=gin/scale/smoke.gin")
BINDINGS = (
    "Experiment.deterministic = True",
    "ResNet.blocks = (1,)",
    "Training.epochs = 3",
    "Training.steps_per_call = 1",
    "Evaluation.attacks = ('pgd3/pgd',)",
    "Evaluation.batch_size = 5",
    "eval/pgd3/PGD.steps = 3",
)


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def left(request, tmp_path):
    """Returns a folder with what a release left."""
    shutil.unpack_archive(request.param, tmp_path)
    return tmp_path


def test_there_are_releases():
    assert {path.stem for path in RELEASES} >= {"release_0_1", "release_0_2"}


def test_a_run_is_read(left):
    path = left / "run"
    run = trained_run.load(path, build_plan(config.read([trained_run.config_file(path)])))
    assert run.branches == ("clean", "adv") and run.results is None
    assert set(run.data) == {"train", "test"}
    directory = RunDirectory(path)
    assert [line["step"] for line in directory.metrics()] == [1, 2, 3]
    assert len(directory.starts()) == 1
    for variable in run.model.variables:
        assert np.isfinite(variable.numpy()).all()


def test_an_evaluation_is_read_up_to_where_it_stopped(left, capsys):
    path = left / "evaluation/evaluation.images.jsonl"
    head, *lines = path.read_text().splitlines()
    assert not path.read_text().endswith("\n")  # half a line, which was not there before
    about = json.loads(head)["about"]
    log = OutcomeLog(path, about)
    noted = [json.loads(line) for line in lines[:-1]]
    for unit in {tuple(line["unit"]) for line in noted}:
        index = [n for line in noted if tuple(line["unit"]) == unit for n in line["index"]]
        assert log.found(Unit(*unit))["index"].tolist() == index
    assert len(noted) >= 8 and not capsys.readouterr().err
    log.add(Unit("adv", "more"), {"index": np.array([1])})
    assert OutcomeLog(path, about).progress() == log.progress()


def test_a_bundle_is_loaded_and_says_what_it_said(left):
    loaded = LoadedBundle(left / "bundle")
    logits = loaded(loaded.reference_images).numpy()
    np.testing.assert_allclose(logits, loaded.reference_logits, atol=1e-3)
    assert loaded.bounds == (0.0, 1.0) and loaded.ball == "linf"
    assert external_models.load(left / "bundle", (8, 8, 3), 4).branches == ("adv", "clean")
    images, labels = adapters.examples(left / "bundle", 4)
    loaded.check_examples(images, labels)


@pytest.mark.slow
def test_the_commands_go_on(left):
    result = json.loads((left / "results.json").read_text())
    done = run_command("train", *TRAIN, bindings=BINDINGS, model_dir=left / "run")
    assert done.returncode == 0, done.stderr
    assert "train 1/3" not in done.stdout and "train 3/3" in done.stdout
    found = json.loads((left / "run/results.json").read_text())
    assert found["model"]["step"] == 3
    for branch, clean in result["clean"].items():
        # Another machine may round otherwise: one image of 20.
        assert found["clean"][branch]["accuracy"] == pytest.approx(clean["accuracy"], abs=0.051)
    output = left / "evaluation/evaluation.json"
    done = run_command("evaluate", model_dir=left / "run", output=output)
    assert done.returncode == 2  # other code may judge otherwise, and it is another checkpoint
    assert "holds another evaluation (other " in last_error(done)
    assert "choose another --output, or remove that file" in last_error(done)
    for name in ("run", "bundle"):
        flag = {"run": "model_dir", "bundle": "saved_model"}[name]
        done = run_command("evaluate", **{flag: left / name}, output=left / f"{name}.json")
        assert done.returncode == 0, done.stderr
    done = run_command("export", model_dir=left / "run", output_dir=left / "new")
    assert done.returncode == 0, done.stderr
