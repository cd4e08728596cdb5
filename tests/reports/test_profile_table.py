"""The table of a profile."""

from pathlib import Path

from rich.console import Console

from tfadv.reports.profile_table import show_on

RECORD = {
    "steps": 2,
    "seconds": 5.0,
    "shares": {"convolutions, forward": 0.75, "layout": 0.0, "host": 0.25},
    "largest": [{"operation": "Conv2D", "kind": "convolutions, forward", "share": 0.5}],
}
SPEED = {
    "flops": {"float32": 1e10},
    "flops_per_second": 2e9,
    "matrix_products_per_second": {"float32": 8e9},
    "share_of_peak": 0.25,
}


def printed(record):
    """Returns the lines that are printed of a record."""
    console = Console(record=True, width=90)
    show_on(console)(record, Path("run/profile/1"))
    return console.export_text()


def test_shares_and_speed_are_shown():
    text = printed(RECORD | SPEED)
    assert "2 profiled step(s), 2.5 s each" in text and "layout" not in text
    assert "75.0%" in text and "Conv2D" in text and "run/profile/1" in text
    assert "2 GFLOP/s; matrix products here 8 in float32: 25% of that" in " ".join(text.split())


def test_uncounted_operations_have_no_speed():
    assert "GFLOP" not in printed(RECORD)
