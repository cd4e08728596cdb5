"""Neither memory nor traces grow with the steps of a run and the batches of an evaluation."""

import subprocess
import sys

import pytest
from shared.project import ROOT


@pytest.mark.slow
def test_memory_and_traces_do_not_grow():
    words = [sys.executable, "-m", "benchmarks.reliability.memory", "--steps", "3000"]
    done = subprocess.run(
        [*words, "--batches", "600"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
