"""What the command lines share: flags, and mistakes told in one line."""

import contextlib
import os
import sys
from collections.abc import Iterator

# Before TensorFlow is imported: its start-up lines would bury a message.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import flags, logging

from tfadv import config
from tfadv.errors import UserError

FLAGS = flags.FLAGS


def define_config_flags() -> None:
    """Defines the flags that say what to configure."""
    flags.DEFINE_multi_string("gin_file", [], "Recipe and scale files, in any order.")
    flags.DEFINE_multi_string("gin_bindings", [], "Bindings such as 'PGD.steps = 10'; they win.")
    flags.DEFINE_multi_string("plugin", [], "Modules that register norms, attacks or strategies.")
    flags.DEFINE_multi_string("plugin_dir", [], "Folders whose modules are plugins.* to gin files.")


@contextlib.contextmanager
def configuration() -> Iterator[config.Config]:
    """Reads what the flags name; a `UserError` inside ends the program in one line.

    Yields:
        The configuration.

    Raises:
        SystemExit: 2, after the line is printed.
    """
    logging.set_verbosity(logging.WARNING)
    read = None
    try:
        read = config.read(FLAGS.gin_file, FLAGS.gin_bindings, FLAGS.plugin, FLAGS.plugin_dir)
        yield read
    except UserError as error:
        where = read.where(error.parameter) if read and error.parameter else None
        print(f"error: {where + ': ' if where else ''}{error.message}", file=sys.stderr)
        sys.exit(2)
