"""'auto' in the commands: chosen once, written down, kept by what is resumed."""

import json

import pytest
from shared.commands import run_command
from shared.measured_dtypes import ATTACK, AUTO, EVALUATION
from shared.smoke_trainers import ONE_EPOCH, SMOKE
from shared.worker_processes import start_workers, wait_for

from tfadv.files import read_record, write_record
from tfadv.planning import kept_measurements

FLAGS = ("--gin_file=gin/gn.gin", f"--gin_file={SMOKE}")
BINDINGS = (*ONE_EPOCH, "Distribution.kind = 'one_device'")


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Returns the folder where a test's commands keep what they measure."""
    monkeypatch.setenv(kept_measurements.FOLDER, str(tmp_path / "kept"))
    return tmp_path / "kept"


def turn_round(kept):
    """Lets every measurement say the contrary, by far."""
    for path in kept.iterdir():
        record = read_record(path, "")
        seconds = record["found"]["seconds"]
        slower = "bfloat16" if seconds["bfloat16"] * 1.05 <= seconds["float32"] else "float32"
        record["found"]["seconds"] = {"float32": 1.0, "bfloat16": 1.0, slower: 9.0}
        write_record(path, record)


def done(name, *arguments, **options):
    ended = run_command(name, *arguments, **options)
    assert ended.returncode == 0, ended.stderr
    return ended


def dtypes(folder):
    noted = json.loads((folder / "run.json").read_text())["precision"]
    return {parameter: choice["dtype"] for parameter, choice in noted.items()}


@pytest.mark.slow
def test_a_dry_run_looks_a_run_measures_and_a_resumed_one_keeps(kept, tmp_path):
    run = tmp_path / "run"
    options = {"bindings": (*BINDINGS, *AUTO), "model_dir": run}
    dry = done("train", *FLAGS, "--dry_run", **options)
    assert dry.stdout.count("= 'auto' is float32: counted so, until a start") == 3
    assert not kept.exists()
    first = done("train", *FLAGS, **options)
    assert first.stderr.count("note: ") == 3 and len([*kept.iterdir()]) == 2
    before, results = dtypes(run), json.loads((run / "results.json").read_text())
    assert results["precision"]["dtype"] == before["Evaluation.dtype"]
    turn_round(kept)
    other = done("train", *FLAGS, bindings=(*BINDINGS, *AUTO), model_dir=tmp_path / "other")
    assert other.stderr.count("note: ") == 3
    swapped = {"float32": "bfloat16", "bfloat16": "float32"}
    assert dtypes(tmp_path / "other") == {name: swapped[one] for name, one in before.items()}
    (run / "results.json").unlink()
    again = done("train", *FLAGS, **options)
    assert again.stderr == first.stderr and dtypes(run) == before
    assert json.loads((run / "results.json").read_text()) == results


@pytest.mark.slow
def test_of_two_workers_the_chief_alone_measures(kept, tmp_path):
    ended = wait_for(start_workers("gn", tmp_path / "run", *AUTO))
    assert [code for code, *_ in ended] == [0, 0], ended[0][2]
    (*_, of_chief), (*_, of_other) = ended
    assert of_chief.count("note: ") == 3 and len([*kept.iterdir()]) == 2
    assert "'auto'" not in of_other and len(dtypes(tmp_path / "run")) == 3


@pytest.mark.slow
def test_a_stopped_evaluation_keeps_its_dtype(kept, tmp_path):
    done("train", *FLAGS, bindings=(*BINDINGS, ATTACK), model_dir=tmp_path / "run")
    outputs = [tmp_path / name for name in ("one", "stopped", "other")]
    for output in outputs:
        output.mkdir()

    def evaluated(output):
        path = output / "evaluation.json"
        done("evaluate", bindings=[EVALUATION], model_dir=tmp_path / "run", output=path)
        return json.loads(path.read_text())

    one = evaluated(outputs[0])
    log = (outputs[0] / "evaluation.images.jsonl").read_text().splitlines(keepends=True)
    (outputs[1] / "evaluation.images.jsonl").write_text("".join(log[:2]))
    turn_round(kept)
    again, other = evaluated(outputs[1]), evaluated(outputs[2])
    assert again["precision"]["dtype"] == one["precision"]["dtype"] != other["precision"]["dtype"]
    assert again["attacks"] == one["attacks"]
