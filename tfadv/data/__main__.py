"""Looks at images before anyone trains on them: ``python -m tfadv.data --folder=photos``.

Or at the data set of a scale, ``--gin_file=gin/scale/imagenet.gin``, or at ``--npz=FILE``.
Every image is decoded; a page, a record and a manifest are written. The exit code is 0 if they
are fit to train on, 1 if they are not, and 2 for a mistake on the command line.
"""

import signal
import sys
from pathlib import Path

import tensorflow as tf
from absl import app, flags
from rich.console import Console

from tfadv.config import command_line
from tfadv.errors import UserError
from tfadv.inspection import data_sets, inspect, report, summary
from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_string("folder", None, "Holds CLASS/*, or train/ and val/ or test/ of such.")
flags.DEFINE_list("npz", None, "A .npz file, or two: to train on and to test on.")
flags.DEFINE_string("output_dir", None, "A folder for the report; by default runs/data-NAME.")
flags.DEFINE_integer("workers", None, "Processes that decode; by default by cores and files.", 1)


def main(argv):
    """Looks, writes and judges."""
    tf.config.set_visible_devices([], "GPU")  # nothing here needs one
    console = Console(highlight=False, soft_wrap=True)
    with command_line.mistakes_in_one_line() as found:
        command_line.refuse_arguments(argv)
        data_set = chosen(found)
        folder = Path(FLAGS.output_dir or Path("runs") / f"data-{data_set.name}")
        report.check_new(folder)
        try:
            seen = inspect.inspect(data_set, folder, FLAGS.workers, console)
        except KeyboardInterrupt:
            print("interrupted before the report was written", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
    console.print(summary.table(data_set.name, seen))
    for line in summary.lines(seen):
        console.print(line, markup=False)
    console.print(f"report: {folder / report.PAGE}", markup=False)
    sys.exit(1 if seen["unfit"] else 0)


def chosen(found: command_line.Found) -> data_sets.DataSet:
    """Returns what the flags name.

    Raises:
        UserError: that is nothing, or several things.
    """
    of_gin = FLAGS.gin_file or FLAGS.gin_bindings
    if sum(map(bool, (of_gin, FLAGS.folder, FLAGS.npz))) != 1:
        raise UserError("name one of --gin_file, --folder and --npz: what to look at")
    if FLAGS.folder:
        return data_sets.folder(FLAGS.folder)
    if FLAGS.npz:
        return data_sets.arrays(FLAGS.npz)
    found.read = command_line.read_flags()
    return data_sets.configured(found.read)


if __name__ == "__main__":
    app.run(main)
