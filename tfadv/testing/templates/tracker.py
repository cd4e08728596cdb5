"""A tracker to start from."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import csv
from collections.abc import Mapping

from tfadv.registry import TRACKERS
from tfadv.trackers import TrackedRun, Tracker


@TRACKERS.register("{name}")
class {part}(Tracker):
    """Writes numbers of a run to a table that spreadsheets open: step, name, value.

    Args:
        file: its name, in the run's folder.
    """

    def __init__(self, file: str = "{name}.csv"):
        self.file = file

    def begin(self, run: TrackedRun) -> None:
        """Opens the table, or what there is of it."""
        self._table = open(run.folder / self.file, "a", newline="", encoding="utf-8")

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a row for each number; a validation's are called `validation/…`."""
        csv.writer(self._table).writerows((step, name, value) for name, value in values.items())
        self._table.flush()

    def end(self, status: str) -> None:
        """Closes the table."""
        self._table.close()
'''
GIN = """# {name} follows the run beside TensorBoard: an overlay for any recipe and scale.
import plugins.{name}
Experiment.trackers = ('tensorboard', '{name}')
"""
