"""The lock of a place: one process at a time, whatever became of the one before."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tfadv.errors import UserError
from tfadv.runs import one_writer
from tfadv.runs.one_writer import remove_left, writing

HOLDER = """
import sys, time
from pathlib import Path
from tfadv.runs.one_writer import writing
place = Path(sys.argv[1])
with writing(place, place / "writer.lock", "model_dir"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path):
    return tmp_path / "runs/x"


@pytest.fixture
def lock(place):
    return place / "writer.lock"


@pytest.fixture
def holder(place):
    """Returns another process that holds the lock."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    words = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def of_another_machine(lock, silent):
    """Writes the lock of a process on another machine that gave its last sign of life then."""
    lock.parent.mkdir(parents=True)
    content = {"process": 1, "host": "other", "since": "then", "machine": "another"}
    lock.write_text(json.dumps(content))
    os.utime(lock, (time.time() - silent,) * 2)


def test_nothing_stays_of_what_wrote_nothing(place, lock, tmp_path):
    with writing(place, lock, "model_dir"):
        assert json.loads(lock.read_text())["process"] == os.getpid()
    assert list(tmp_path.iterdir()) == []
    with writing(place, lock, "model_dir"):
        (place / "mine").write_text("")
    assert [path.name for path in place.iterdir()] == ["mine"]


def test_the_second_is_refused_and_a_killed_one_is_taken_over(place, lock, holder, capsys):
    before = lock.read_bytes()
    refusal = rf"'.*x' is being written by process {holder.pid} on .*: wait .* another --model_dir"
    with pytest.raises(UserError, match=refusal), writing(place, lock, "model_dir"):
        pass
    assert lock.read_bytes() == before
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with writing(place, lock, "model_dir"):
        assert json.loads(lock.read_text())["process"] == os.getpid()
    assert not lock.exists()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"process {holder.pid} on " in said and "is gone" in said


def test_a_writer_on_another_machine_is_gone_once_it_is_silent(place, lock, capsys):
    of_another_machine(lock, silent=one_writer.SILENCE / 2)
    with pytest.raises(UserError, match="process 1 on other since then: wait for it"):
        writing(place, lock, "output").__enter__()
    os.utime(lock, (time.time() - 2 * one_writer.SILENCE,) * 2)
    with writing(place, lock, "output"):
        pass
    assert "process 1 on other since then, which is gone" in capsys.readouterr().err


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b"\xff\0"])
def test_half_a_lock_is_taken_over_once_nobody_gives_a_sign(place, lock, left):
    of_another_machine(lock, silent=0)
    lock.write_bytes(left)
    with pytest.raises(UserError, match="by another process: wait"):
        writing(place, lock, "output").__enter__()
    os.utime(lock, (time.time() - 2 * one_writer.SILENCE,) * 2)
    with writing(place, lock, "output"):
        pass


def test_signs_of_life_are_given(place, lock, monkeypatch):
    monkeypatch.setattr(one_writer, "BEAT", 0.02)
    with writing(place, lock, "output"):
        os.utime(lock, (0, 0))
        until = time.monotonic() + 10
        while lock.stat().st_mtime == 0 and time.monotonic() < until:
            time.sleep(0.02)
        assert time.time() - lock.stat().st_mtime < 5


def test_who_was_taken_over_stops(place, lock, tmp_path):
    """Its lock was removed by hand, and another began there."""
    text = HOLDER.replace(
        "place = ", "from tfadv.runs import one_writer\none_writer.BEAT = 0.05\nplace = "
    )
    words = [sys.executable, "-c", text, str(place)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, text=True, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        lock.unlink()
        with writing(place, lock, "model_dir"):
            assert process.wait(timeout=30) == 3
        said = process.stderr.read().splitlines()[-1]
        assert said.startswith(f"error: '{place}' was taken over by process {os.getpid()} on ")


def test_a_place_that_nobody_can_write_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "run"
    with pytest.raises(UserError, match="--model_dir: '.*' can't be written: "):
        writing(place, place / "writer.lock", "model_dir").__enter__()


def test_a_killed_writer_s_lock_is_removed_and_a_living_one_s_is_not(place, lock, holder, capsys):
    with pytest.raises(UserError, match=f"is being written by process {holder.pid}"):
        remove_left(place, lock, "model_dir")
    assert lock.exists()
    holder.kill()
    holder.wait()
    remove_left(place, lock, "model_dir")
    assert not lock.exists() and f"process {holder.pid}" in capsys.readouterr().err
    remove_left(place, lock, "model_dir")  # nothing is there
