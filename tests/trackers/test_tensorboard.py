"""TensorBoard's files, read back by TensorBoard."""

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfadv.trackers import TrackedRun
from tfadv.trackers.tensorboard import TensorBoard


def test_curves_go_on_and_have_no_epoch(tmp_path):
    for step in (10, 20):
        board = TensorBoard()
        board.begin(TrackedRun("run", tmp_path, {}))
        board.metrics(step, {"loss": 1 / step, "epoch": step / 10})
        board.validation(step, {"adv_accuracy": step / 100})
        board.image(step, "strip", np.full((3, 4, 3), step, np.uint8))
        board.alarm(step, "a line")
        board.results({"test/main/clean": 0.9, "test/main/PGD-20": 0.4567}, [])
        board.end("stopped")
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert set(found.Tags()["tensors"]) == {"loss", "strip", "alarms", "results"}
    points = sorted((e.step, tf.make_ndarray(e.tensor_proto)) for e in found.Tensors("loss"))
    assert points == [(10, np.float32(0.1)), (20, np.float32(0.05))]
    last = max(found.Tensors("strip"), key=lambda event: event.step)
    encoded = tf.make_ndarray(last.tensor_proto)[2]
    assert (tf.io.decode_png(encoded) == 20).numpy().all()
    table = tf.make_ndarray(found.Tensors("results")[0].tensor_proto).item()
    assert b"| test/main/PGD-20 | 45.67 |" in table
    beside = EventAccumulator(str(tmp_path / "tensorboard/validation"))
    beside.Reload()
    assert {event.step for event in beside.Tensors("adv_accuracy")} == {10, 20}


def test_points_are_on_the_disk_before_the_process_ends(tmp_path):
    board = TensorBoard()
    board.begin(TrackedRun("run", tmp_path, {}))
    board.metrics(1, {"loss": 0.5})
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert found.Tags()["tensors"] == ["loss"]
