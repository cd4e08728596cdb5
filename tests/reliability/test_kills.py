"""Short versions of the kills of benchmarks/reliability."""

import os
import subprocess
import sys

import pytest
from shared.project import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "count", "figures"),
    [
        ("kills", 9, ["9 kills, 3 inside saves: 0 wrong"]),
        ("workers", 2, ["2 kills of two workers", "resumed on (1, 2, 4) replicas", "0 wrong"]),
    ],
)
def test_what_was_killed_ends_as_what_was_not(script, count, figures):
    words = [sys.executable, "-m", f"benchmarks.reliability.{script}", f"--kills={count}"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in figures:
        assert figure in done.stdout
