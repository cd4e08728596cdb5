"""The list of bad inputs: long enough, the same every time, and refused in one line each."""

import re
import subprocess
import sys

import pytest
from shared.project import ROOT

from benchmarks.reliability import bad_inputs, drawn_inputs, mistakes


def test_there_are_500_and_the_drawn_ones_are_the_same_every_time():
    known = mistakes.known()
    drawn = list(drawn_inputs.cases(*known, count=25))
    assert drawn == list(drawn_inputs.cases(*known, count=25))
    assert len({*bad_inputs.cases(), *drawn}) >= 500


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ("it takes more than 3 s", "hangs"),
        ("it is accepted", "wrongly accepted"),
        ("exit code 1, 1 lines, the last: error: this is a bug", "tracebacks"),
    ],
)
def test_what_is_wrong_is_counted_by_its_kind(wrong, kind):
    assert mistakes.kind_of(wrong) == kind


@pytest.mark.slow
def test_a_twelfth_of_them_is_refused_in_one_line_each():
    words = [sys.executable, "-m", "benchmarks.reliability.mistakes", "--every=12"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    figures = r"\d+ inputs; tracebacks: 0, wrongly accepted: 0, overwritten: 0, hangs: 0"
    assert re.fullmatch(figures, done.stdout.strip())
