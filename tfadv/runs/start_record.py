"""What ``run.json`` says of each start of a run."""

import datetime
import importlib.metadata
import platform
import sys
from collections.abc import Sequence

from tfadv.config import checkout
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
        "git_commit": checkout.commit(),
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
