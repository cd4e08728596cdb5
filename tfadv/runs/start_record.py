"""What ``run.json`` says of each start of a run."""

import datetime
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Sequence

from tfadv.config.gin_files import ROOT
from tfadv.devices.local import processor_name

_PACKAGES = ("tfadv", "tensorflow", "keras", "numpy", "gin-config", "tensorflow-datasets")


def start_record(devices: Sequence[str]) -> dict:
    """Returns when, where and with what a run is started.

    Args:
        devices: names of the devices.
    """
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "argv": sys.argv,
        "versions": {"python": platform.python_version()} | _versions(),
        "git_commit": git_commit(),
        "host": platform.platform(),
        "processor": processor_name(),
        "devices": list(devices),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def git_commit() -> str | None:
    """Returns the commit of this checkout, None where it is none."""

    def git(*arguments: str) -> str | None:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    if not (ROOT / ".git").exists():  # an installed package, perhaps inside another repository
        return None
    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit} with local changes" if commit and git("status", "--porcelain") else commit
    except FileNotFoundError:  # no git here
        return None
