"""Workers of a training, each a process of its own."""

import json
import os
import socket
import subprocess
import sys

from shared.smoke_trainers import ONE_EPOCH, SMOKE


def command(recipe, folder, *bindings):
    flags = [f"--gin_bindings={binding}" for binding in (*ONE_EPOCH, *bindings)]
    files = [f"--gin_file=gin/{recipe}.gin", f"--gin_file={SMOKE}"]
    return [sys.executable, "-m", "tfadv.train", *files, *flags, f"--model_dir={folder}"]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def start_workers(recipe, folder, *bindings, of_each=((), ())):
    """Starts one process a worker, all with the same command but for `of_each`."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(of_each))]
    workers = []
    for index, more in enumerate(of_each):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        arguments = command(recipe, folder, *bindings, *more)
        workers.append(start_worker(arguments, {"TF_CONFIG": json.dumps(task)}))
    return workers


def start_worker(arguments, variables):
    pipe = subprocess.PIPE
    return subprocess.Popen(
        arguments, env=os.environ | variables, stdout=pipe, stderr=pipe, text=True
    )


def finish(workers, timeout=180):
    """Waits for the workers; returns their exit codes, outputs and errors."""
    ended = []
    for worker in workers:
        out, err = worker.communicate(timeout=timeout)
        ended.append((worker.returncode, out, err))
    return ended
