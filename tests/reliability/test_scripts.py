"""Short versions of what benchmarks/reliability does at length."""

import os
import re
import subprocess
import sys

import pytest
from shared.project import ROOT

SCRIPTS = {
    "damaged": ("--share=9", r"(\d+) damages: \d+ detected, \d+ harmless, 0 wrong"),
    "full_disk": ("--share=12", r"(\d+) times: 0 not said in one line, or lost something"),
    "two_at_once": ("--only=train", r"(\d+) pairs of commands at once, 0 without one winner"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_lost(name):
    argument, figure = SCRIPTS[name]
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.reliability.{name}", argument],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(int(count) for count in re.findall(figure, done.stdout)), done.stdout
    assert re.search(figure, done.stdout), done.stdout
