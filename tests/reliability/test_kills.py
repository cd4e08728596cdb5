"""Short versions of the kills of benchmarks/reliability."""

import os
import re
import subprocess
import sys

import pytest
from shared.project import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "count", "figures"),
    [
        ("kills", 9, [r"9 kills, [3-9] inside saves: 0 wrong"]),  # late ones don't count
        ("workers", 2, ["2 kills of two workers", r"resumed on \(1, 2, 4\) replicas", "0 wrong"]),
    ],
)
def test_what_was_killed_ends_as_what_was_not(script, count, figures):
    words = [sys.executable, "-m", f"benchmarks.reliability.{script}", f"--kills={count}"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in figures:
        assert re.search(figure, done.stdout), done.stdout
