"""Which commit of the project this is, where it runs from a checkout."""

import subprocess

from tfadv.config.gin_files import ROOT


def commit() -> str | None:
    """Returns the commit's name, with a word on local changes; None if that isn't known."""
    if not (ROOT / ".git").exists():  # an installed package, perhaps inside another repository
        return None
    try:
        name = _git("rev-parse", "HEAD")
        return f"{name} with local changes" if name and _git("status", "--porcelain") else name
    except FileNotFoundError:  # no git here
        return None


def _git(*arguments: str) -> str | None:
    words = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
