"""Commands in processes forked of one that has imported TensorFlow: most of a start's time.

`run` is what a test calls. As a script, this file is the process that is forked.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

_IMPORTED = ("tensorflow", "tensorflow_datasets", "matplotlib.figure", "sklearn.datasets")
_LARGEST_REQUEST = 1 << 20
_FILES = 3  # standard output, standard error, and where the exit status goes
_one_at_a_time = threading.Lock()


def run(words, cwd=None):
    """Runs ``python -m MODULE …`` to its end.

    Args:
        words: Python, ``-m``, the module and its arguments.
        cwd: the folder to run in; by default this process's.

    Returns:
        The process with what it printed, as `subprocess.run` does.
    """
    request = {"argv": words[2:], "cwd": str(cwd or Path.cwd()), "env": dict(os.environ)}
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _one_at_a_time:
            files = [out.fileno(), err.fileno(), writing]
            socket.send_fds(_server(), [json.dumps(request).encode()], files)
        os.close(writing)
        with open(reading) as status:
            code = int(status.read())
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(words, code, out.read().decode(), err.read().decode())


@functools.cache
def _server() -> socket.socket:
    """Starts the process that is forked; it ends with this one."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, __file__, str(its.fileno())]
    process = subprocess.Popen(words, pass_fds=[its.fileno()], stderr=subprocess.DEVNULL)
    its.close()
    atexit.register(lambda: (ours.close(), process.wait()))
    return ours


def _serve(requests: socket.socket) -> None:
    """Forks one process a request; it forks the command, and waits for its exit status."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what no process writes to, they share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, *_ = socket.recv_fds(requests, _LARGEST_REQUEST, _FILES)
        if not request:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            out, err, status = files
            command = os.fork()
            if command == 0:
                os.close(status)
                _become(json.loads(request), out, err)
                return
            code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            os.write(status, str(code).encode())
            os._exit(0)
        for file in files:
            os.close(file)


def _become(request: dict, out: int, err: int) -> None:
    """Runs a command in this process, as ``python -m`` does."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, out, err)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None  # that of TMPDIR, which may be another
    sys.path[0] = request["cwd"]
    module, *arguments = request["argv"]
    sys.argv = ["-m", *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
