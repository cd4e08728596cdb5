"""The start of a command: what it can answer at once, and what takes seconds."""

from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from tfadv.config import command_line, first_look
from tfadv.quiet_start import import_tensorflow

FLAGS = flags.FLAGS
# They name runs and steps that may be there already, each with a configuration of its own.
_OF_RUNS = ("model_dir", "replay")


def begin(
    name: str, check: Callable[[], object] = bool, takes_words: Callable[[], object] = bool
) -> None:
    """Answers what can be answered at once, then imports TensorFlow without a word.

    That is ``--help``, ``--version``, and mistakes in flags and in the text of gin files. A command
    calls it after the definition of its flags, and before its other imports: they take seconds.

    Args:
        name: the module's; one that is not run as a command does nothing here.
        check: raises `UserError` where flags are missing or don't go together; ends the process
            where it has answered.
        takes_words: tells whether the command, with its flags, takes what is no flag.

    Raises:
        SystemExit: 0 after an answer, 2 after the line of a mistake.
    """
    if name != "__main__":
        return
    with (
        command_line.ending_with_its_reader(),
        command_line.errors_in_one_line(command_line.Found()),
    ):
        words = command_line.parsed()
        if not takes_words():
            command_line.refuse_arguments(words)
        check()
        if "gin_file" in FLAGS:
            look_at(FLAGS.gin_file)
    import_tensorflow()


def look_at(files: Sequence[str]) -> None:
    """Raises `UserError` for mistakes that the text of gin files and of bindings tells."""
    runs = [FLAGS[name].value for name in _OF_RUNS if name in FLAGS]
    joined = any(isinstance(path, str) and Path(path).exists() for path in runs)
    first_look.check(files, FLAGS.gin_bindings, FLAGS.plugin, FLAGS.plugin_dir, may_join=joined)
