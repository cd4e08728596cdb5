"""The commands on a finished run and on its bundle."""

import importlib
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from absl import flags
from shared.commands import command, last_error, run_command
from shared.evaluation_records import listed_record
from shared.smoke_trainers import SMOKE

from tfadv.files import write_record

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
    notes = json.loads((finished / "run.json").read_text())
    for path in (finished, tmp_path):
        found = json.loads((path / "evaluation.json").read_text())
        for key in ("dataset", "epsilon", "pixel_range", "examples"):
            assert found[key] == trained[key], key
        for branch, clean in trained["clean"].items():
            calibration = pytest.approx(clean["calibration_error"], abs=1e-4)
            assert found["clean"][branch]["calibration_error"] == calibration
            for key in ("accuracy", "ci95", "per_class"):
                assert found["clean"][branch][key] == clean[key]
        made = found["provenance"]
        place = {"run": str(finished)} if path == finished else {"bundle": str(out)}
        assert place.items() <= made.items()
        assert made["trained_commit"] == notes["starts"][0]["git_commit"]
        assert made["images"] == notes["data"]["test"]
        assert made["evaluated"] in began(path)
        by_branch = sorted(found["attacks"], key=lambda row: row["branch"] == "adv")
        assert by_branch == trained["attacks"]


def began(path):
    """Returns the line that says what an evaluation is of, and when it began."""
    return (path / "evaluation.images.jsonl").read_text().partition("\n")[0]


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
        (
            "export",
            {"to": "robustbench"},
            "--model_dir is of runs: --to=robustbench takes a record",
        ),
        ("export", {"record": "nowhere.json"}, "--record: there is no file 'nowhere.json'"),
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


def test_an_evaluation_becomes_an_entry_of_robustbench(tmp_path):
    write_record(tmp_path / "evaluation.json", listed_record())
    flags = {"record": tmp_path / "evaluation.json", "output": tmp_path / "new/entry.json"}
    done = run_command("export", to="robustbench", branch="adv", **flags)
    assert done.returncode == 0, done.stderr
    assert "90.00% clean, 45.68% under AutoAttack" in done.stdout
    assert "link, name, authors, additional_data, venue are yours to fill in" in done.stdout
    entry = json.loads((tmp_path / "new/entry.json").read_text())
    assert (entry["dataset"], entry["autoattack_acc"]) == ("cifar10", "45.68")
    done = run_command("export", to="robustbench", branch="adv", **flags)
    assert done.returncode == 2 and "there is a" in last_error(done)


@pytest.mark.slow
def test_a_folder_for_the_hub_tells_what_was_measured_of_its_weights(finished, tmp_path):
    """AutoAttack of a few steps; then the folder is attacked as a whole."""
    few = ["Evaluation.attacks = ('autoattack',)", "eval/AutoAttack.steps = 2"]
    few += ["eval/AutoAttack.queries = 5"]
    measured = tmp_path / "autoattack.json"
    done = run_command("evaluate", model_dir=finished, output=measured, bindings=few)
    assert done.returncode == 0, done.stderr
    hub = {"to": "hub_folder", "model_dir": finished, "output_dir": tmp_path / "hub"}
    done = run_command("export", record=measured, license="mit", repo="me/mine", **hub)
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "hub/README.md").read_text()
    for row in json.loads(measured.read_text())["attacks"]:
        assert f"**AutoAttack: {row['accuracy']:.1%}**" in card
    assert "not measured" not in card and 'snapshot_download("me/mine")' in card
    out = {"saved_model": tmp_path / "hub", "output": tmp_path / "again.json"}
    done = run_command("evaluate", **out)
    assert done.returncode == 0, done.stderr
    results = json.loads((finished / "results.json").read_text())
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["clean"]["adv"]["accuracy"] == results["clean"]["adv"]["accuracy"]
    # What was measured of the bundle's files says nothing of a run's weights.
    other = {**hub, "output_dir": tmp_path / "other"}
    done = run_command("export", record=tmp_path / "again.json", **other)
    assert done.returncode == 2 and "was measured with other weights" in last_error(done)
    assert not (tmp_path / "other").exists()


def test_every_flag_of_an_evaluation_is_recorded_with_its_outcomes():
    defined = {flag.name for flag in flags.FLAGS.flags_by_module_dict()[evaluate.__name__]}
    # The first two by the weights' digest, --branch by the branches; --output is where it goes.
    in_other_ways = {"model_dir", "saved_model", "branch", "output"}
    shared = {"weights", "checkpoint"}  # with the export
    assert defined | shared == in_other_ways | set(evaluate._FLAGS_OF_MODEL)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"to": "stablehlo"}, "--to=stablehlo needs --output_dir"),
        ({"to": "stablehlo", "output_dir": "x"}, "name --model_dir, or a recipe"),
        ({"to": "stablehlo", "output_dir": "x", "batch_size": 0}, "--batch_size must be >= 1"),
        ({"to": "stablehlo", "output_dir": "x", "format": "onnx"}, "--format is of bundles"),
        ({"model_dir": "run", "output_dir": "x", "dtype": "float32"}, "goes with --to=stablehlo"),
    ],
)
def test_flags_that_are_not_of_programs_are_refused(flags, said, tmp_path):
    done = run_command("export", cwd=tmp_path, **flags)
    assert done.returncode == 2 and said in last_error(done)


@pytest.mark.slow
def test_programs_of_a_run_are_written(finished, tmp_path):
    out = tmp_path / "programs"
    how = {"to": "stablehlo", "branch": "adv", "batch_size": 4, "convolutions": "plain"}
    done = run_command("export", model_dir=finished, output_dir=out, **how)
    assert done.returncode == 0, done.stderr
    assert "attack_step.plain.mlir" in done.stdout and (out / "training.mlir").exists()
    again = run_command("export", model_dir=finished, output_dir=out, **how)
    assert again.returncode == 2 and "is not empty" in last_error(again)
