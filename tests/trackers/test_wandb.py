"""A run in Weights & Biases without a network, read back from the file that it keeps."""

import json
import struct
import time

import pytest

from tfadv import testing
from tfadv.errors import UserError
from tfadv.trackers import TrackedRun
from tfadv.trackers.wandb import WandB

wandb = pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.mark.parametrize("number", range(4))
def test_it_conforms(number):
    testing.checks("tracker", "wandb", mode="offline")[number]()


def records(content):
    """Yields what a run's file holds: a header, and a log in blocks, as LevelDB's are."""
    at, block, whole = 7, 32 * 1024, b""
    while at + 7 <= len(content):
        if block - at % block < 7:  # too little room for another record
            at += block - at % block
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def logged(file):
    """Returns the id of a file's run, and what was logged by step."""
    from wandb.proto.wandb_internal_pb2 import Record

    points, identity = {}, None
    for content in records(file.read_bytes()):
        record = Record.FromString(content)
        if record.HasField("run"):
            identity = record.run.run_id
        if record.HasField("history"):
            items = record.history.item
            values = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            points.setdefault(values.pop("_step"), {}).update(values)
    return identity, points


def test_a_resumed_run_is_one_run(tmp_path):
    """Each process leaves a file of its own, of the same run."""
    found = None
    for step in (10, 20):
        tracker = WandB(mode="offline")
        found = tracker.begin(TrackedRun("mine", tmp_path, {"PGD.steps": "2"}, found))
        tracker.metrics(step, {"loss": 1.0 / step})
        tracker.validation(step, {"adv_accuracy": 0.25})
        tracker.end("stopped")
        time.sleep(1.1)  # W&B names files by the second
    files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    points = {}
    for file in files:
        identity, of = logged(file)
        assert identity == found
        points |= {
            step: {k: v for k, v in values.items() if k[0] != "_"} for step, values in of.items()
        }
    accuracy = {"validation/adv_accuracy": 0.25}
    assert points == {10: {"loss": 0.1, **accuracy}, 20: {"loss": 0.05, **accuracy}}


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(UserError, match="WandB.mode is 'ofline'.*Did you mean 'offline'"):
        WandB(mode="ofline")
