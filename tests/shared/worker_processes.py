"""Workers of a training at the smoke scale, each a process of its own."""

import json
import os
import socket
import subprocess

from shared.commands import command
from shared.smoke_trainers import ONE_EPOCH, SMOKE


def train_command(recipe, folder, *bindings):
    """Returns the words that train a recipe, by name, in a folder."""
    files = [f"--gin_file=gin/{recipe}.gin", f"--gin_file={SMOKE}"]
    return command("train", *files, bindings=(*ONE_EPOCH, *bindings), model_dir=folder)


def free_ports(count):
    """Returns ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def cluster_of(count):
    """Returns the environment variables of each worker of a cluster on this machine."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}
        for task in tasks
    ]


def start_workers(recipe, folder, *bindings, of_each=((), ())):
    """Starts one process a worker, all with the same command but for `of_each`."""
    return [
        start_worker(train_command(recipe, folder, *bindings, *own), variables)
        for own, variables in zip(of_each, cluster_of(len(of_each)), strict=True)
    ]


def start_worker(words, variables):
    """Starts a command with more environment variables."""
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=os.environ | variables, stdout=pipe, stderr=pipe, text=True)


def wait_for(workers, timeout=180):
    """Waits for the workers; returns the exit code, output and errors of each."""
    ended = []
    for worker in workers:
        out, err = worker.communicate(timeout=timeout)
        ended.append((worker.returncode, out, err))
    return ended
