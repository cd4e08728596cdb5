"""A run in MLflow, read back from a database file by MLflow's own client."""

import re

import numpy as np
import pytest
from shared.validated_runs import ONE_STEP, session_of, validations

from tfadv import testing
from tfadv.runs.run_writer import RunWriter
from tfadv.trackers import TrackedRun
from tfadv.trackers.mlflow import MLflow

mlflow = pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Returns a database, whose artifacts lie beside it."""
    folder = tmp_path_factory.mktemp("mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("tfadv", artifact_location=(folder / "artifacts").as_uri())
    return f"sqlite:///{folder}/mlflow.db"


@pytest.mark.parametrize("number", range(4))
def test_it_conforms(store, number):
    testing.checks("tracker", "mlflow", tracking_uri=store)[number]()


def history(client, run, name):
    return [(point.step, point.value) for point in client.get_metric_history(run, name)]


def test_a_run_is_found_as_it_was_told(store, tmp_path):
    client = mlflow.MlflowClient(store)
    bound = {f"Part.p{number}": str(number) for number in range(130)}
    first = MLflow(store)
    found = first.begin(TrackedRun("mine", tmp_path, bound))
    assert client.get_run(found).info.status == "RUNNING"
    first.metrics(10, {"loss": 2.0, "schedule/PGD.epsilon": 4.0})
    first.validation(10, {"adv_accuracy": 0.25})
    first.alarm(10, "collapse: take --checkpoint=best")
    first.end("stopped")
    assert client.get_run(found).info.status == "KILLED"
    again = MLflow(store)
    assert again.begin(TrackedRun("mine", tmp_path, {"Part.p0": "other"}, found)) == found
    again.metrics(20, {"loss": 1.0})
    picture = np.zeros((6, 8, 3), np.uint8)
    again.image(20, "clean, adversarial, difference", picture)
    record = tmp_path / "results.json"
    record.write_text("{}")
    again.results({"test/adv/PGD-10 targeted ε=16": 0.5}, [record])
    again.end("finished")
    run = client.get_run(found)
    assert run.info.run_name == "mine" and run.info.status == "FINISHED"
    assert run.data.params == bound and run.data.tags["folder"] == str(tmp_path)
    assert run.data.tags["alarm at step 10"].startswith("collapse")
    assert history(client, found, "loss") == [(10, 2.0), (20, 1.0)]
    assert history(client, found, "validation/adv_accuracy") == [(10, 0.25)]
    (name,) = (name for name in run.data.metrics if name.startswith("test/"))
    assert re.fullmatch(r"test/adv/PGD-10 targeted .16|test/adv/PGD-10 targeted ε_16", name)
    artifacts = {file.path for file in client.list_artifacts(found)}
    assert artifacts == {"images", "results.json"}


@pytest.mark.slow
def test_a_run_that_is_stopped_and_resumed_is_one_run_of_mlflows(store, tmp_path, monkeypatch):
    """Each number of its metrics once, though the second process did a step again."""
    chosen = (*ONE_STEP, "Experiment.trackers = ('mlflow',)", f"MLflow.tracking_uri = '{store}'")
    chosen += ("Training.steps_per_call = 1",)
    session, directory = session_of(tmp_path / "run", *chosen)
    note = RunWriter.metrics

    def killed(writer, metrics):
        note(writer, metrics)
        if metrics["step"] == 3:  # which no checkpoint holds
            raise KeyboardInterrupt

    monkeypatch.setattr(RunWriter, "metrics", killed)
    with pytest.raises(KeyboardInterrupt):
        session.run(directory)
    monkeypatch.undo()
    assert [line["step"] for line in directory.metrics()] == [1, 2, 2, 3]
    resumed, directory = session_of(tmp_path / "run", *chosen)
    record = resumed.run(directory)
    client = mlflow.MlflowClient(store)
    found = directory.tracked()["mlflow"]["id"]
    run = client.get_run(found)
    assert run.info.status == "FINISHED" and run.data.params["PGD.steps"] == "2"
    trained = [line for line in directory.metrics() if "kind" not in line]
    assert [step for step, _ in history(client, found, "loss")] == [1, 2, 3, 4, 5, 6]
    assert history(client, found, "loss")[3:] == [(m["step"], m["loss"]) for m in trained][3:]
    validated = [(row["step"], row["value"]) for row in validations(directory)]
    assert history(client, found, "validation/adv_accuracy") == validated
    assert run.data.metrics["test/main/clean"] == record["clean"]["main"]["accuracy"]
    assert {a.path for a in client.list_artifacts(found)} >= {"results.json", "config.gin"}
