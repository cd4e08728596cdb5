"""Tells where runs stand.

A folder of runs stands for those in it; without one, all below ``runs/``. Their files are read and
nothing is changed: runs may go on meanwhile, on this machine or another.

Examples::

    python -m tfadv.status
    python -m tfadv.status runs/mbn_alp-digits runs/compare
    python -m tfadv.status --json runs/mbn_alp-digits
"""

import dataclasses
import json

from absl import flags
from rich.console import Console

from tfadv.config import command_line
from tfadv.status.places import runs_in
from tfadv.status.run_status import status_of
from tfadv.status.table import WIDTH, lines, table

FLAGS = flags.FLAGS
flags.DEFINE_bool("json", False, "Prints a list of records in place of the table.")


def main(argv):
    """Prints the table, or the records."""
    with command_line.mistakes_in_one_line():
        found = [status_of(run) for run in runs_in(argv[1:])]
        if FLAGS.json:
            records = [dataclasses.asdict(one) for one in found]
            print(json.dumps(records, indent=2, allow_nan=False))
            return
        console = command_line.terminal()
        if not console.is_terminal:
            console = Console(highlight=False, soft_wrap=True, markup=False, width=WIDTH)
        console.print(table(found), soft_wrap=False)
        for line in lines(found):
            console.print(line)


if __name__ == "__main__":
    command_line.run(main)
