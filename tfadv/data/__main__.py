"""Looks at images before anyone trains on them, or packs them into a few large files.

Every image is decoded; a page, a record and a manifest are written. The exit code is 0 if they
are fit to train on, 1 if they are not, and 2 for a mistake on the command line.

Examples::

    python -m tfadv.data --folder=photos
    python -m tfadv.data --gin_file=gin/scale/digits.gin --output_dir=runs/digits_data
    python -m tfadv.data --gin_file=gin/scale/cifar10_laptop.gin --gin_file=photos.gin \\
        --pack=photos-packed
"""

import importlib
import sys
from pathlib import Path

from absl import flags

from tfadv import data, interruption
from tfadv.config import command_line, command_start
from tfadv.errors import UserError

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_string("folder", None, "Holds CLASS/*, or train/ and val/ or test/ of such.")
flags.DEFINE_list("npz", None, "A .npz file, or two: to train on and to test on.")
flags.DEFINE_string("output_dir", None, "A folder for the report; by default runs/data-NAME.")
flags.DEFINE_integer("workers", None, "Processes that decode; by default by cores and files.", 1)
flags.DEFINE_string("pack", None, "Packs the images of --gin_file into this new folder.")
flags.DEFINE_integer("pack_shorter_side", None, "Packs them made smaller, in pixels.", 1)
flags.DEFINE_enum("pack_format", "jpeg", ("jpeg", "png"), "Of images that are made smaller.")
flags.DEFINE_integer("pack_quality", 95, "Of JPEGs that are made smaller.", 1, 100)

_FLAGS_OF_PACKING = ("pack_shorter_side", "pack_format", "pack_quality")


def check_flags() -> None:
    """Raises `UserError` if flags are missing, or don't go together."""
    if FLAGS.pack:
        command_line.refuse_flags(("output_dir", "workers"), "goes with a look, not with --pack")
        if FLAGS.folder or FLAGS.npz or not FLAGS.gin_file:
            raise UserError(
                "--pack goes with --gin_file, which chooses an Experiment.dataset of files"
            )
        return
    command_line.refuse_flags(_FLAGS_OF_PACKING, "goes with --pack")
    of_gin = FLAGS.gin_file or FLAGS.gin_bindings
    if sum(map(bool, (of_gin, FLAGS.folder, FLAGS.npz))) != 1:
        raise UserError("name one of --gin_file, --folder and --npz: what to look at")


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

importlib.reload(data)  # with all that registers

import tensorflow as tf

from tfadv.data.bad_images import BadImages
from tfadv.data.packing import Resizing, pack
from tfadv.inspection import data_sets, inspect, report, summary
from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401
from tfadv.planning.images import build_splits
from tfadv.registry import configured


def main(argv):
    """Looks, writes and judges."""
    tf.config.set_visible_devices([], "GPU")  # nothing here needs one
    console = command_line.terminal()
    with command_line.mistakes_in_one_line() as found:
        if FLAGS.pack:
            pack_chosen(found)
            return
        data_set = chosen(found)
        folder = Path(FLAGS.output_dir or Path("runs") / f"data-{data_set.name}")
        report.check_new(folder)
        with interruption.leaving("before the report was written"):
            seen = inspect.inspect(data_set, folder, FLAGS.workers, console)
        console.print(summary.table(data_set.name, seen))
        for line in summary.lines(seen):
            console.print(line)
        console.print(f"report: {folder / report.PAGE}")
        sys.exit(1 if seen["unfit"] else 0)


def pack_chosen(found: command_line.Found) -> None:
    """Packs the images that the gin files choose.

    Raises:
        UserError: they are not of files, or there is such a folder already.
    """
    found.read = command_line.read_flags()
    values, side = found.read.values, FLAGS.pack_shorter_side
    resizing = Resizing(side, FLAGS.pack_format, FLAGS.pack_quality) if side else None
    splits = build_splits(values["Experiment.dataset"], values.get("Experiment.channels"))
    with interruption.leaving("with nothing packed"):
        pack(splits, Path(FLAGS.pack), resizing, configured(BadImages))
    print(f"packed: {FLAGS.pack}, for packed.folder")


def chosen(found: command_line.Found) -> data_sets.DataSet:
    """Returns what the flags name."""
    if FLAGS.folder:
        return data_sets.folder(FLAGS.folder)
    if FLAGS.npz:
        return data_sets.arrays(FLAGS.npz)
    found.read = command_line.read_flags()
    return data_sets.configured(found.read)


if __name__ == "__main__":
    command_line.run(main)
