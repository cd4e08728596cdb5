"""The dtype that some times choose, and what is told and written of it."""

import dataclasses
import json
import math

import pytest

from tfadv.devices.local import processor_name
from tfadv.planning.dtype_choice import Choice, Measured, faster

MEASURED = Measured(
    "a pass", 8, {"float32": 0.2, "bfloat16": 0.1}, "CPU time", processor_name(), "2026-11-29"
)


@pytest.mark.parametrize(
    ("exact", "fast", "dtype"),
    [
        (156.8, 89.6, "bfloat16"),
        (105.0, 100.0, "bfloat16"),
        (104.9, 100.0, "float32"),  # by less than 5%
        (1.0, 1.0, "float32"),
        (1.0, 2.0, "float32"),
    ],
)
def test_bfloat16_has_to_be_faster_by_a_margin(exact, fast, dtype):
    assert faster({"float32": exact, "bfloat16": fast}) == dtype


def test_a_choice_is_written_and_read_as_it_was():
    choice = Choice.by(MEASURED)
    assert choice.dtype == "bfloat16"
    assert Choice.of(json.loads(json.dumps(choice.record()))) == choice
    told = Choice("float32", "nothing else")
    assert Choice.of(told.record()) == told and told.record().keys() == {"dtype", "why"}


def test_a_line_has_both_times_and_tells_of_another_machine():
    takes = "a pass of 8 image(s) takes 100 ms of CPU time, 200 in"
    line = Choice.by(MEASURED).line("Training.dtype")
    where = f"({processor_name()}, 2026-11-29)"
    assert line == f"Training.dtype = 'auto' is bfloat16: {takes} float32 {where}"
    slower = dataclasses.replace(MEASURED, seconds={"float32": 0.1, "bfloat16": 0.2})
    line = Choice.by(slower).line("Training.dtype")
    assert line == f"Training.dtype = 'auto' is float32: {takes} bfloat16 {where}"
    elsewhere = dataclasses.replace(MEASURED, device="Old One, 4 cores")
    line = Choice.by(elsewhere).line("Training.dtype")
    assert line.endswith(f"(Old One, 4 cores, 2026-11-29); kept, though this is {processor_name()}")


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": {"float32": 0.2}},
        {"seconds": {"float32": 0.2, "bfloat16": "0.1"}},
        {"seconds": {"float32": 0.2, "bfloat16": math.nan}},
        {"seconds": {"float32": 0.2, "bfloat16": 0.0}},
        {"seconds": [0.2, 0.1]},
        {"more": 1},
    ],
)
def test_what_is_no_measurement_is_none(change):
    record = dataclasses.asdict(MEASURED)
    assert Measured.of(record) == MEASURED
    assert Measured.of(record | change) is None
    assert Measured.of(None) is None
