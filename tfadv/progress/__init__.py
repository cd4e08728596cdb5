"""How far work has come: a live bar, a notebook's line, or a line now and then in a log.

What any long work says of itself enters; what it is about does not.
"""

from tfadv.progress.progress import Progress, Work, silent
from tfadv.progress.time_left import TimeLeft, duration

__all__ = ["Progress", "TimeLeft", "Work", "duration", "silent"]
