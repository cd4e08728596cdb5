"""Commands as processes: how they end, signals, and locks."""

import os
import signal
import subprocess
import sys
import threading
import time

from tfadv.runs import processes


def test_a_command_that_fails_says_so_in_its_last_line(tmp_path):
    ended = processes.run("train", ["--gin_file=gin/nothing.gin"], tmp_path / "of/it.log")
    assert ended.code == 2
    assert ended.last_line.startswith("error: --gin_file: no gin file 'gin/nothing.gin'")
    assert ended.stopped_by == 0
    assert (tmp_path / "of/it.log").read_text().startswith(f"$ {sys.executable} -m tfadv.train")


def test_a_signal_is_handed_on(tmp_path, monkeypatch):
    """The process notes the signal and ends in its own way."""
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: exit(7))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    popen, log = subprocess.Popen, tmp_path / "log"

    def start(_, **options):
        return popen([sys.executable, "-c", program], **options)

    monkeypatch.setattr(subprocess, "Popen", start)

    def stop_when_ready():
        while "ready" not in (log.read_text() if log.exists() else ""):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop_when_ready)
    thread.start()
    ended = processes.run("train", [], log)
    thread.join()
    assert (ended.code, ended.stopped_by) == (7, signal.SIGTERM)
    assert ended.seconds < 30
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_lock_is_held_by_one_and_by_what_inherits_it(tmp_path):
    path = tmp_path / "lock"
    with processes.locked(path) as lock:
        with processes.locked(path) as other:
            assert other is None
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.fileno()])
    with processes.locked(path) as other:
        assert other is None  # the child lives on
    child.kill()
    child.wait()
    with processes.locked(path, wait=True) as other:
        assert other
