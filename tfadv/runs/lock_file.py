"""What a lock's file says of the process that writes a place."""

import json
import os
import socket
import time
from pathlib import Path

SUFFIX = ".lock"
BEAT = 10.0  # seconds from one sign of life to the next
SILENCE = 60.0  # seconds without one after which a writer on another machine is gone
LONGEST = 10_000  # bytes of a lock's file
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # machines may share a name
LIVES, SILENT, GONE = "lives", "silent", "gone"


def machine() -> str:
    """Returns what tells this machine, since it was started, from all others."""
    return _BOOT.read_text().strip() if _BOOT.exists() else socket.gethostname()


def parsed(content: bytes) -> dict:
    """Returns what a lock's file says: ``process``, ``host``, ``since`` and ``machine``.

    Nothing, where its writer was killed while it wrote this.
    """
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def described(content: bytes) -> str:
    """Returns the process in words."""
    found = parsed(content)
    if not found:
        return "another process"
    return f"process {found.get('process')} on {found.get('host')} since {found.get('since')}"


def seen(path: Path) -> tuple[str, dict]:
    """Looks at a lock without taking it.

    Returns:
        Whether its writer lives, is silent (it is there, and gives no sign of life, as one that
        is suspended) or is gone, and what the file says.
    """
    try:
        content, age = path.read_bytes()[:LONGEST], time.time() - path.stat().st_mtime
    except OSError:
        return GONE, {}
    found = parsed(content)
    is_here = (found.get("machine"), found.get("host")) == (machine(), socket.gethostname())
    if is_here and not _exists(found.get("process")):
        return GONE, found
    if age < SILENCE:
        return LIVES, found
    return SILENT if is_here else GONE, found


def _exists(process: object) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    return True
