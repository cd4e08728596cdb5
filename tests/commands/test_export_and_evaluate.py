"""The commands on a finished run and on its bundle."""

import importlib
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from absl import flags
from shared.commands import command, last_error, run_command
from shared.smoke_trainers import SMOKE

evaluate = importlib.import_module("tfadv.evaluate")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run trained by the command, for the commands that come after."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run_command(
        "train", "--gin_file=gin/mbn_alp.gin", f"--gin_file={SMOKE}", model_dir=folder
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_run_and_bundle_are_evaluated_alike(finished, tmp_path):
    out = tmp_path / "bundle"
    done = run_command("export", model_dir=finished, output_dir=out)
    assert done.returncode == 0, done.stderr
    assert "adv, clean, images in 0..1" in done.stdout
    with ThreadPoolExecutor(2) as two:
        runs = [
            two.submit(run_command, "evaluate", model_dir=finished),
            # An overlay leaves the bundle its run's images.
            two.submit(
                run_command,
                "evaluate",
                "--gin_file=gin/attack/pgd5.gin",
                saved_model=out,
                output=tmp_path / "evaluation.json",
            ),
        ]
    assert [run.result().returncode for run in runs] == [0, 0], runs[0].result().stderr
    trained = json.loads((finished / "results.json").read_text())
    for path in (finished, tmp_path):
        found = json.loads((path / "evaluation.json").read_text())
        for key in ("dataset", "epsilon", "pixel_range", "examples"):
            assert found[key] == trained[key], key
        for branch, clean in trained["clean"].items():
            calibration = pytest.approx(clean["calibration_error"], abs=1e-4)
            assert found["clean"][branch]["calibration_error"] == calibration
            for key in ("accuracy", "ci95", "per_class"):
                assert found["clean"][branch][key] == clean[key]
        by_branch = sorted(found["attacks"], key=lambda row: row["branch"] == "adv")
        assert by_branch == trained["attacks"]


@pytest.mark.slow
def test_a_killed_evaluation_resumes(finished, tmp_path):
    """Killed in the midst of an attack; then the same command, and the same result."""
    bindings = ["Evaluation.attacks = ('pgd2000/pgd', 'fgsm')", "Evaluation.batch_size = 4"]
    kept = tmp_path / "killed.images.jsonl"

    def flags(name):
        return {"model_dir": finished, "output": tmp_path / f"{name}.json", "bindings": bindings}

    with ThreadPoolExecutor(1) as other:
        whole = other.submit(run_command, "evaluate", **flags("whole"))
        with subprocess.Popen(command("evaluate", **flags("killed"))) as killed:
            while not (kept.exists() and '["clean", "pgd2000/pgd"' in kept.read_text()):
                assert killed.poll() is None
                time.sleep(0.02)
            killed.kill()
        assert whole.result().returncode == 0, whole.result().stderr
    before = kept.read_text()
    assert not (tmp_path / "killed.json").exists()
    done = run_command("evaluate", **flags("killed"))
    assert done.returncode == 0, done.stderr
    assert kept.read_text().startswith(before[: before.rfind("\n")])
    records = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "killed")]
    assert records[0] == records[1]
    assert (tmp_path / "killed_report" / "report.html").is_file()
    assert "there is a" in run_command("evaluate", **flags("killed")).stderr


def test_mistakes_are_reported_in_one_line(finished, tmp_path):
    (tmp_path / "there").write_text("mine")
    mistakes = [
        ("export", {"branch": "advv"}, "no branch 'advv'; it has clean, adv. Did you mean 'adv'?"),
        ("export", {"model_dir": "elsewhere"}, "'elsewhere' is no folder of a run"),
        ("evaluate", {"branch": "main"}, "no branch 'main'; it has clean, adv."),
        ("evaluate", {"saved_model": "x"}, "name one of --model_dir and --saved_model"),
        ("evaluate", {"output": tmp_path / "there"}, "there is a"),
    ]

    def make(mistake):
        name, flags, _ = mistake
        output = {"export": "output_dir", "evaluate": "output"}[name]
        new = tmp_path / f"new{mistakes.index(mistake)}"  # two at once would be refused
        return run_command(name, **{"model_dir": finished, output: new} | flags)

    with ThreadPoolExecutor(2) as two:
        for done, (_, _, message) in zip(two.map(make, mistakes), mistakes, strict=True):
            assert done.returncode == 2 and message in done.stderr
            assert last_error(done).startswith("error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_every_flag_of_an_evaluation_is_recorded_with_its_outcomes():
    defined = {flag.name for flag in flags.FLAGS.flags_by_module_dict()[evaluate.__name__]}
    # The first two by the weights' digest, --branch by the branches; --output is where it goes.
    in_other_ways = {"model_dir", "saved_model", "branch", "output"}
    shared = {"weights", "checkpoint"}  # with the export
    assert defined | shared == in_other_ways | set(evaluate._FLAGS_OF_MODEL)
