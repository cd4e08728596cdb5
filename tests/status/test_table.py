"""The table fits a hundred columns, whatever runs hold; it is read without TensorFlow."""

import subprocess
import sys

from rich.console import Console

from tfadv.status.run_status import RunStatus
from tfadv.status.table import WIDTH, lines, table

SEEN = {"adv": {"clean": 0.891, "robust": 0.452}, "clean": {"clean": 0.9, "robust": None}}
RUNS = [
    RunStatus(
        "runs/adv_100_clean_100-imagenet-PGD.steps=10-LearningRate.rate_per_256=0.05",
        "running",
        writer={"process": 12, "host": "node-7", "since": "2026-11-29T10:00:00+00:00"},
        step=34_320,
        steps=34_430,
        epoch=109.6,
        epochs=110,
        loss=0.0123456,
        images_per_second=12_345.6,
        seconds_left=100_000.0,
        changed="2026-11-29T10:00:00+00:00",
        validation={"epoch": 109.0, "value": 0.4, "attacked": ["adv"], "branches": SEEN},
        best={"epoch": 108.0, "value": 0.4567},
        alarms=["robust overfitting of branch 'adv'"],
    ),
    RunStatus("runs/new", "not begun"),
]


def printed(found):
    console = Console(width=WIDTH, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table(found))
    return capture.get().splitlines()


def test_it_fits_a_hundred_columns_and_cuts_no_number():
    rows = printed(RUNS)
    assert max(map(len, rows)) <= 100
    text = " ".join(rows)
    for number in ("34,320/34,430", "109.6/110", "0.0123", "89.1/45.2", "45.7% @ 108", "12,346"):
        assert number in text
    assert "1 d 3 h" in text and "not begun" in text


def test_what_needs_more_room_is_a_line():
    assert list(lines(RUNS)) == [
        f"{RUNS[0].path}: process 12 on node-7, since 2026-11-29T10:00:00+00:00",
        f"{RUNS[0].path}: alarm: robust overfitting of branch 'adv'",
    ]


def test_it_is_read_without_tensorflow():
    code = "import sys; from tfadv.status import places, run_status, table; "
    code += "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
