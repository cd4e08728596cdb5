"""Training on several devices and several machines: real processes that equal one device."""

import contextlib
import json
import signal
import socket
import time

import numpy as np
import pytest
from shared import warm_start
from shared.commands import command
from shared.worker_processes import (
    cluster_of,
    free_ports,
    start_worker,
    start_workers,
    train_command,
    wait_for,
)

from tfadv.runs.checkpoints import read_model
from tfadv.runs.run_directory import RunDirectory

TWENTY_STEPS = ("Training.epochs = 10", "Experiment.deterministic = True")
IN_PORTIONS = "Training.micro_batch_size = 4"
SYNC = "NormPolicy.across_replicas = 'sync'"


def train(recipe, folder, *bindings):
    words = train_command(recipe, folder, *bindings)
    done = warm_start.run(words)
    assert done.returncode == 0, done.stderr
    return read_model(folder / "checkpoints")


def assert_equal_weights(found, expected):
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, atol=1e-5, rtol=0, err_msg=path)


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    """Returns the weights that a recipe has on one device after 20 steps."""
    found = {}

    def weights(recipe):
        if recipe not in found:
            folder = tmp_path_factory.mktemp(recipe)
            found[recipe] = train(recipe, folder, *TWENTY_STEPS)
        return found[recipe]

    return weights


@pytest.mark.parametrize(
    ("recipe", "policy"),
    [("mbn_alp", (SYNC,)), pytest.param("gn", (IN_PORTIONS,), marks=pytest.mark.slow)],
)
def test_two_processes_equal_one_device(tmp_path, one_device, recipe, policy):
    ended = wait_for(start_workers(recipe, tmp_path, *TWENTY_STEPS, *policy))
    assert [code for code, *_ in ended] == [0, 0], ended[0][2]
    (_, of_chief, _), (_, of_other, _) = ended
    assert "on 2 replica(s)" in of_chief and "branch" in of_chief and of_other == ""
    assert_equal_weights(read_model(tmp_path / "checkpoints"), one_device(recipe))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [line["step"] for line in lines] == list(range(2, 22, 2))  # one worker writes
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["examples"] == 20


@pytest.mark.slow
def test_workers_find_each_other_by_slurms_variables(tmp_path):
    """Two tasks of one node, as Slurm's variables describe them."""
    first, _ = free_neighbours()
    bindings = ("Distribution.kind = 'multi_worker'", "Distribution.cluster = 'slurm'")
    step = {"STEP_NODELIST": "localhost", "STEP_NUM_TASKS": "2", "STEP_TASKS_PER_NODE": "2"}
    workers = [
        start_worker(
            train_command("gn", tmp_path, *bindings, f"Distribution.port = {first}"),
            {f"SLURM_{name}": value for name, value in step.items()} | {"SLURM_PROCID": str(rank)},
        )
        for rank in range(2)
    ]
    ended = wait_for(workers)
    assert [code for code, *_ in ended] == [0, 0], ended[0][2]
    assert "on 2 replica(s)" in ended[0][1] and not ended[1][1]


def free_neighbours():
    """Returns two free ports one after the other, as Slurm counts them."""
    for _ in range(100):
        (port,) = free_ports(1)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
            return port, port + 1
    raise OSError("no two free ports one after the other")


@pytest.mark.slow
def test_four_virtual_devices_equal_one(tmp_path, one_device):
    found = train("mbn_alp", tmp_path, *TWENTY_STEPS, SYNC, "Distribution.virtual_cpus = 4")
    assert_equal_weights(found, one_device("mbn_alp"))


def test_workers_with_different_commands_stop_and_say_who(tmp_path):
    different = ((), ("PGD.steps = 3",))
    ended = wait_for(start_workers("gn", tmp_path / "run", of_each=different))
    for code, _, errors in ended:
        assert code == 2
        assert "error: worker 1 has another configuration than worker 0" in errors
    assert not (tmp_path / "run").exists()


def wait_for_steps(folder, steps, timeout=120):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        path = folder / "metrics.jsonl"
        if path.exists() and len(path.read_text().splitlines()) * 2 >= steps:
            return
        time.sleep(0.1)
    raise TimeoutError(f"no {steps} steps in {timeout} s")


def test_a_signal_to_one_worker_stops_and_saves_all(tmp_path):
    workers = start_workers("gn", tmp_path, "Training.epochs = 4000")
    wait_for_steps(tmp_path, 4)
    workers[1].send_signal(signal.SIGTERM)
    for code, _, errors in wait_for(workers):
        assert code == 128 + signal.SIGTERM
        assert "stopped by SIGTERM at step" in errors
    steps = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert (tmp_path / "checkpoints" / f"step-{steps}" / "manifest.json").exists()


@pytest.mark.slow
def test_a_killed_worker_ends_the_other_and_both_resume_to_the_same_weights(tmp_path):
    bindings = ("Training.epochs = 150", "Training.checkpoint_every_epochs = 5", SYNC)
    bindings += ("Experiment.deterministic = True",)
    assert all(code == 0 for code, *_ in wait_for(start_workers("mbn", tmp_path / "a", *bindings)))
    workers = start_workers("mbn", tmp_path / "b", *bindings)
    wait_for_steps(tmp_path / "b", 60)
    workers[1].kill()
    began = time.monotonic()
    (code, _, errors), _ = wait_for(workers)
    assert time.monotonic() - began < 120
    assert code == 3 and "error: another worker is gone" in errors.splitlines()[-1]
    assert all(code == 0 for code, *_ in wait_for(start_workers("mbn", tmp_path / "b", *bindings)))
    never_killed, resumed = (read_model(tmp_path / run / "checkpoints") for run in "ab")
    for path, value in never_killed.items():
        np.testing.assert_array_equal(resumed[path], value)


@pytest.mark.slow
def test_a_run_goes_on_in_another_folder_by_two_workers_as_by_one(tmp_path):
    train("gn", tmp_path / "old", "Experiment.deterministic = True")

    def gone_on(name):
        longer = ("Training.epochs = 3", "Training.batch_size = 8")
        return command(
            "train", bindings=longer, model_dir=tmp_path / "old", resume_as=tmp_path / name
        )

    done = warm_start.run(gone_on("one"))
    assert done.returncode == 0, done.stderr
    ended = wait_for([start_worker(gone_on("two"), variables) for variables in cluster_of(2)])
    assert [code for code, *_ in ended] == [0, 0], ended[0][2] + ended[1][2]
    one, two = (RunDirectory(tmp_path / name) for name in ("one", "two"))
    assert [start["replicas"] for run in (one, two) for start in run.starts()] == [1, 2]
    (taken,) = (start["resumed_from"] for start in two.starts())
    assert (taken["step"], taken["as_step"]) == (2, 4)
    assert taken == one.starts()[0]["resumed_from"]
    assert_equal_weights(read_model(two.checkpoints_path), read_model(one.checkpoints_path))
    before, after = (read_model(tmp_path / name / "checkpoints") for name in ("old", "two"))
    assert any((value != before[path]).any() for path, value in after.items())
