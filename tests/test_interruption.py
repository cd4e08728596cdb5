"""Signals: what a process leaves, how it ends and how long that takes, whatever it is at."""

import signal
import subprocess
import sys
import time

import pytest
from shared.project import ROOT

from tfadv import interruption

START = """
import ctypes, math, subprocess, sys, time
from tfadv import interruption
interruption.listen()
def ready():
    print("ready", flush=True)
"""
RAISED = """
with interruption.in_one_line(), interruption.leaving("with half of it kept"):
    try:
        ready()
        time.sleep(60)
    finally:
        print("cleaned", flush=True)
"""
NOTED = """
with interruption.in_one_line(), interruption.noted(60) as asked:
    ready()
    while not asked.signal:
        time.sleep(0.01)
    raise interruption.Interrupted(asked.signal, "at step 3, saved")
"""
STUCK = """
with interruption.in_one_line(), interruption.noted({grace}) as asked:
    asked.leaves = "as it was saved at step 2"
    ready()
    for _ in range(60):
        ctypes.CDLL(None).sleep(60)
"""
NOT_BEGUN = """
ready()
for _ in range(60):
    ctypes.CDLL(None).sleep(60)
"""
PRINTED = """
with interruption.in_one_line():
    code = b"from __main__ import ready, time; ready(); time.sleep(60)"
    ctypes.pythonapi.PyRun_SimpleString(code)  # prints what is raised, as C++ does
"""
FINISHED = """
with interruption.in_one_line():
    pass
ready()
time.sleep(1)
"""
SWALLOWED = """
class Guarded:
    def __del__(self):
        ready()
        time.sleep(60)
with interruption.in_one_line():
    Guarded()
"""
FORKED = """
import os
with interruption.in_one_line(), interruption.noted(60) as asked:
    child = os.fork()
    if child == 0:
        time.sleep(60)
    os.kill(child, 15)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), asked.signal)
    ready()
    time.sleep(1)
"""
HANDED_ON = """
with interruption.in_one_line():
    with interruption.noted() as asked:
        words = "import signal, time; signal.signal(15, lambda *_: exit(7))\\n"
        words += "print('ready', flush=True)\\ntime.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", words])
        asked.hand_on(child.send_signal)
        code = child.wait()
    raise interruption.Interrupted(asked.signal, f"in a command that ended with {code}")
"""


def run(program, *signals, between=0.3):
    """Runs a program and sends it signals once it is ready.

    Returns:
        Its exit code, what it printed after that, its errors, and the seconds from the first
        signal to its end.
    """
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", START + program]
    process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    before = ""
    while not before.endswith("ready\n"):
        before += process.stdout.readline()
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(between)
    out, err = process.communicate(timeout=60)
    return process.returncode, before.removesuffix("ready\n") + out, err, time.monotonic() - began


@pytest.mark.parametrize("number", interruption.SIGNALS)
def test_a_signal_ends_the_work_in_one_line_after_its_cleaning(number):
    code, out, err, seconds = run(RAISED, number)
    assert (code, out) == (128 + number, "cleaned\n")
    (line,) = err.splitlines()
    assert line.startswith(f"stopped by {signal.Signals(number).name} with half of it kept; to go")
    assert seconds < 10


def test_a_signal_is_noted_until_the_work_asks():
    code, _, err, _ = run(NOTED, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert err.startswith("stopped by SIGTERM at step 3, saved; to go on: ")


def test_the_grace_ends_a_process_that_is_busy():
    code, _, err, seconds = run(STUCK.format(grace=1.5), signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert err.startswith("ended 1.5 s after SIGTERM as it was saved at step 2; to go on: ")
    assert 1.4 < seconds < 10 and len(err.splitlines()) == 1


def test_a_second_signal_acts_at_once():
    code, _, err, seconds = run(STUCK.format(grace=60), signal.SIGINT, signal.SIGTERM)
    assert code == 128 + signal.SIGINT
    assert err.startswith("ended by a second signal, SIGTERM, as it was saved at step 2")
    assert seconds < 10


def test_before_the_work_a_signal_acts_at_once():
    code, _, err, seconds = run(NOT_BEGUN, signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert err.startswith("stopped by SIGINT before the work began; to go on: ")
    assert seconds < 10


def test_after_the_work_a_signal_changes_nothing():
    assert run(FINISHED, signal.SIGTERM)[:3] == (0, "", "")


@pytest.mark.parametrize("program", [SWALLOWED, PRINTED])
def test_what_python_cannot_pass_on_ends_the_process_without_a_traceback(program):
    code, _, err, _ = run(program, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert len(err.splitlines()) == 1 and err.startswith("stopped by SIGTERM before the work")


def test_a_forked_process_keeps_its_signals_to_itself():
    code, out, err, _ = run(FORKED)
    assert (code, out, err) == (0, "-15 0\n", "")


def test_signals_are_handed_on_to_another_process():
    code, _, err, _ = run(HANDED_ON, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert "stopped by SIGTERM in a command that ended with 7" in err


def test_a_library_heeds_signals_only_while_it_asks():
    before = {number: signal.getsignal(number) for number in interruption.SIGNALS}
    with interruption.noted(60) as asked:
        signal.raise_signal(signal.SIGTERM)
        assert asked.signal == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is before[signal.SIGTERM]  # for a second one
    assert {number: signal.getsignal(number) for number in interruption.SIGNALS} == before
    with interruption.noted(60) as another:
        assert another.signal == 0


def test_what_fails_after_a_signal_fails_of_it():
    """As where C++ turns the exception into one of its own."""
    said = pytest.raises(interruption.Interrupted, match="SIGTERM with nothing saved")
    with said, interruption.leaving("with nothing saved") as answer:
        answer.signal = signal.SIGTERM
        raise SystemError("returned a result with an exception set")
    with pytest.raises(ValueError, match="its own"), interruption.leaving(""):
        raise ValueError("its own")
