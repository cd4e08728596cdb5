"""What the command lines share: flags, and mistakes reported in one line."""

import contextlib
import functools
import logging
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from absl import app, flags
from absl import logging as absl_logging
from rich.console import Console

from tfadv import config, interruption
from tfadv.config import help_flags, unforeseen
from tfadv.errors import UserError, nearest

FLAGS = flags.FLAGS
# Warnings about what is done on purpose: every attack is a trace of its own, and a dry run
# counts an attack's work eagerly.
_EXPECTED = ("tf.function retracing", "parallel_iterations > 1 has no effect")


def define_config_flags() -> None:
    """Defines the flags that say what to configure, once for all commands of a process."""
    if "gin_file" in FLAGS:
        return
    flags.DEFINE_multi_string("gin_file", [], "Recipe and scale files, in any order.")
    define_plugin_flags()


def define_plugin_flags() -> None:
    """Defines the flags that load plugins and bind their parameters, once."""
    if "plugin" in FLAGS:
        return
    flags.DEFINE_multi_string("gin_bindings", [], "Bindings such as 'PGD.steps = 10'; they win.")
    flags.DEFINE_multi_string("plugin", [], "Modules that register parts, such as norms.")
    flags.DEFINE_multi_string("plugin_dir", [], "Folders whose modules are plugins.* to gin files.")


def define_weights_flag() -> None:
    """Defines which of a run's weights a command takes, once."""
    if "weights" not in FLAGS:
        message = "Of --model_dir: those that were trained, or their moving average (by default "
        message += "the trained ones; of the best checkpoint, those that it was chosen by)."
        flags.DEFINE_enum("weights", None, ["trained", "average"], message)


def define_checkpoint_flag() -> None:
    """Defines which of a run's checkpoints a command takes, once."""
    if "checkpoint" not in FLAGS:
        message = "Of --model_dir: its best (in validation), its last, or that of a STEP."
        flags.DEFINE_string("checkpoint", "last", message)


@contextlib.contextmanager
def configuration() -> Iterator[config.Config]:
    """Reads what the flags name; a `UserError` inside ends the program in one line.

    Yields:
        The configuration.

    Raises:
        SystemExit: 2, after the line is printed.
    """
    with mistakes_in_one_line() as found:
        found.read = read_flags()
        yield found.read


def read_flags(first: Sequence[str] = (), bundle: Path | None = None) -> config.Config:
    """Reads the configuration that the flags name, after the files of `first`.

    Args:
        first: gin files.
        bundle: a bundle's gin file; see `config.read`.
    """
    files, plugins = [*first, *FLAGS.gin_file], (FLAGS.plugin, FLAGS.plugin_dir)
    read = _warned(config.read(files, FLAGS.gin_bindings, *plugins, bundle=bundle))
    warn(
        f"{bundle} names the plugin {module}, whose code a bundle does not run: "
        f"--plugin={module} does"
        for module in read.not_imported
    )
    return read


def read_plugin_flags() -> config.Config:
    """Loads the plugins that the flags name and reads the bindings, without any file."""
    read = _warned(config.with_plugins(FLAGS.plugin, FLAGS.plugin_dir))
    read.read_bindings(FLAGS.gin_bindings)
    return read


def _warned(read: config.Config) -> config.Config:
    warn(read.failures.values())
    return read


def warn(lines: Iterable[object]) -> None:
    """Prints warnings, each a line of the standard error."""
    for line in lines:
        print(f"warning: {one_line(str(line))}", file=sys.stderr, flush=True)


def note(lines: Iterable[object]) -> None:
    """Prints what is to be known and is no cause for worry, each a line of the standard error."""
    for line in lines:
        print(f"note: {one_line(str(line))}", file=sys.stderr, flush=True)


class Lines:
    """What work says to the person at a terminal.

    Args:
        console: that it prints to.
    """

    def __init__(self, console: Console):
        self._console = console

    def say(self, line: str) -> None:
        """Prints what was done."""
        self._console.print(line)

    def silence(self) -> None:
        """Lets the console print nothing from now on."""
        self._console.quiet = True

    warn = staticmethod(warn)
    note = staticmethod(note)


def terminal() -> Console:
    """Returns the console that commands print to: what is in brackets is text, no markup."""
    return Console(highlight=False, soft_wrap=True, markup=False)


def one_line(text: str) -> str:
    """Returns a text without line ends and what else a terminal would not print as it is."""
    joined = re.sub(r"\s*[\r\n]+\s*", " ", text)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in joined)


class Found:
    """What a command has read so far.

    Attributes:
        read: the configuration, which tells where a parameter was bound.
    """

    read: config.Config | None = None


@contextlib.contextmanager
def mistakes_in_one_line() -> Iterator[Found]:
    """Ends the program in one line where an error is raised inside.

    That is a mistake of the user's, a `UserError`, or what nobody foresaw: its details are
    written to a private temporary file. ``TFADV_TRACEBACK=1`` shows them instead.

    Yields:
        An object whose `read`, once it is set, names the lines at fault.

    Raises:
        SystemExit: 2 after the line of a mistake, 1 after that of another error, 128 + the
            signal where one stopped the work.
    """
    absl_logging.set_verbosity(absl_logging.WARNING)
    logging.getLogger("tensorflow").addFilter(
        lambda record: not any(text in record.getMessage() for text in _EXPECTED)
    )
    found = Found()
    with errors_in_one_line(found), interruption.in_one_line():
        yield found


@contextlib.contextmanager
def errors_in_one_line(found: Found) -> Iterator[None]:
    """Ends the program as `mistakes_in_one_line` does, but for signals, which are left alone."""
    try:
        yield
    except UserError as error:
        where = None
        if found.read and error.parameter:
            where = found.read.where(error.parameter)
        line = f"error: {where + ': ' if where else ''}{error.message}"
        print(one_line(line), file=sys.stderr, flush=True)
        sys.exit(2)
    except BrokenPipeError:
        raise  # which `run` answers
    except Exception as error:
        if os.environ.get(unforeseen.TRACEBACK):
            raise
        print(one_line(unforeseen.line(error)), file=sys.stderr, flush=True)
        sys.exit(1)


def run(main: Callable[[list[str]], object]) -> None:
    """Runs a command: `main` takes what is left of the command line when flags are parsed."""
    with ending_with_its_reader():
        app.run(main, flags_parser=lambda _: parsed())


@contextlib.contextmanager
def ending_with_its_reader() -> Iterator[None]:
    """Ends the program without a word where nobody reads what it prints, as after ``| head``."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        sys.exit(128 + signal.SIGPIPE)


@functools.cache  # a list of values would be read twice
def parsed() -> list[str]:
    """Returns what is no flag; ends the program in one line where a flag is wrong."""
    help_flags.define()
    try:
        return FLAGS(list(sys.argv))
    except flags.UnrecognizedFlagError as error:
        line = f"there is no flag --{error.flagname}.{nearest(error.flagname, FLAGS)}"
    except flags.Error as error:
        line = str(error)
    print(one_line(f"error: {line}"), file=sys.stderr, flush=True)
    sys.exit(2)


def refuse_arguments(argv: Sequence[str]) -> None:
    """Raises `UserError` if something that is no flag was given."""
    if len(argv) > 1:
        raise UserError(f"'{argv[1]}' is no flag; gin files go in --gin_file={argv[1]}")


def refuse_flags(names: Iterable[str], why: str) -> None:
    """Raises `UserError` if one of some flags, which don't apply, was given."""
    for name in names:
        if FLAGS[name].value != FLAGS[name].default:
            raise UserError(f"--{name} {why}")


def numbers(flag: str, form: str) -> tuple[float, ...]:
    """Returns the finite numbers of a flag that lists some.

    Args:
        flag: its name.
        form: what it must be, for the error.

    Raises:
        UserError: one of them is none.
    """
    given = FLAGS[flag].value
    try:
        found = tuple(float(text) for text in given)
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise UserError(f"--{flag} must be {form}, got {','.join(given)}")
    return found


def chosen_branches(branches: Sequence[str], choice: str) -> list[str]:
    """Returns the branches that ``--branch`` names.

    Raises:
        UserError: there is no such branch.
    """
    if choice == "all":
        return list(branches)
    if choice not in branches:
        raise UserError(
            f"--branch: the model has no branch '{choice}'; it has {', '.join(branches)}."
            + nearest(choice, branches)
        )
    return [choice]
