"""The package's commands, each run as its users run it: in a process of its own."""

import sys

from shared import warm_start


def command(name, *arguments, bindings=(), **flags):
    """Returns the words of ``python -m tfadv.NAME ARGUMENTS --gin_bindings=… --FLAG=…``."""
    bound = [f"--gin_bindings={binding}" for binding in bindings]
    given = [f"--{flag}={value}" for flag, value in flags.items()]
    return [sys.executable, "-m", f"tfadv.{name}", *arguments, *bound, *given]


def run_command(name, *arguments, bindings=(), cwd=None, **flags):
    """Runs a command to its end; returns the process with what it printed."""
    return warm_start.run(command(name, *arguments, bindings=bindings, **flags), cwd)


def last_error(done):
    """Returns the last line that a command wrote to stderr."""
    return done.stderr.strip().splitlines()[-1]
