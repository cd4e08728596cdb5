"""What TensorFlow's errors say, in one line."""

import re

# Lines of them that say where they were.
_ABOUT_GRAPHS = ("Graph execution error", "Detected at node", "<stack traces", "[[")


def first_line(error: BaseException) -> str:
    """Returns what an exception of TensorFlow says, without where it was in a graph."""
    lines = (re.sub(r"\{\{.*?\}\}", "", line).strip() for line in str(error).splitlines())
    said = [line for line in lines if line and not line.startswith(_ABOUT_GRAPHS)]
    return said[0] if said else type(error).__name__
