"""The scripts for clusters do what they say, as far as a machine without one can tell."""

import os
import re
import subprocess

import pytest
from shared.project import ROOT

SLURM, KUBERNETES = ROOT / "docs/clusters/slurm.sh", ROOT / "docs/clusters/kubernetes.yaml"


@pytest.fixture
def submitted(tmp_path):
    """Returns a function that runs the script of a job whose training ends with some code."""

    def run(code, **variables):
        said = tmp_path / "said"
        for name, ends in (("srun", code), ("scontrol", 0)):
            stub = tmp_path / name
            stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> {said}\nexit {ends}\n')
            stub.chmod(0o755)
        environment = os.environ | variables | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        words = ["bash", SLURM, "--gin_file=gin/mbn_alp.gin", "--gin_bindings=PGD.steps = 3"]
        done = subprocess.run(words, env=environment | {"SLURM_JOB_ID": "42"}, check=False)
        assert done.returncode == code
        return said.read_text().splitlines()

    return run


@pytest.mark.parametrize("code", [143, 3])
def test_a_stopped_job_is_queued_again(submitted, code):
    first, second = submitted(code)
    assert first.startswith("srun python -m tfadv.train --gin_bindings=Training.grace_seconds = ")
    assert first.endswith("--gin_file=gin/mbn_alp.gin --gin_bindings=PGD.steps = 3")
    assert second == "scontrol requeue 42"


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_finished_job_or_a_mistake_is_not(submitted, code):
    assert len(submitted(code)) == 1


def test_a_job_is_not_queued_for_ever(submitted):
    assert len(submitted(143, SLURM_RESTART_COUNT="100")) == 1


def options(prefix):
    """Returns the script's options by name, as sbatch reads them."""
    lines = [line for line in SLURM.read_text().splitlines() if line.startswith(prefix)]
    return dict(line.removeprefix(f"{prefix} --").partition("=")[::2] for line in lines)


def test_slurm_leaves_more_than_the_grace():
    (grace,) = [line for line in SLURM.read_text().splitlines() if line.startswith("grace=")]
    left = options("#SBATCH")["signal"].removeprefix("TERM@")
    assert float(grace.partition(" = ")[2].partition('"')[0]) < float(left)
    assert "requeue" in options("#SBATCH")


def test_kubernetes_leaves_more_than_the_grace_and_resumes():
    text = KUBERNETES.read_text()
    grace = re.search(r"- --gin_bindings=Training.grace_seconds = ([\d.]+)$", text, re.MULTILINE)
    left = re.search(r"terminationGracePeriodSeconds: (\d+)$", text, re.MULTILINE)
    assert float(grace[1]) < float(left[1])
    rules = re.findall(r"- action: (\w+)\n +onExitCodes:\n(?: +.*\n)+? +values: \[(\d+)\]", text)
    assert rules == [("FailJob", "2"), ("Ignore", "143")]
    assert "restartPolicy: Never" in text
    assert "command: [python, -m, tfadv.train]" in text
