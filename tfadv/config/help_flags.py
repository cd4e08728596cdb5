"""``--help``, ``--helpfull`` and ``--version`` of every command."""

import inspect
import sys
import textwrap
from collections.abc import Callable

from absl import app, flags

import tfadv
from tfadv.config import checkout

FLAGS = flags.FLAGS
COLUMNS = 100
_WORDS_AT = 28  # the column at which a flag's explanation begins
_REPEATED = ";\n    repeat this option to specify a list of values"
_OTHERS = "  --help, --version; --helpfull prints absl's flags too."
# What is put after a flag, by its type.
_VALUES = {
    "string": "TEXT",
    "multi string": "TEXT",
    "int": "N",
    "float": "NUMBER",
    "comma separated list of strings": "A,B",
}


class _Answer(flags.BooleanFlag):
    """A flag that prints something and ends the program.

    Args:
        name: of the flag.
        words: for the page of flags.
        text: returns what it prints.
        short_name: of the flag.
    """

    def __init__(
        self, name: str, words: str, text: Callable[[], str], short_name: str | None = None
    ):
        super().__init__(name, False, words, short_name=short_name, allow_override=True)
        self._text = text

    def parse(self, argument):
        """Prints and ends, unless it is ``--noname``."""
        if self._parse(argument):
            print(self._text(), flush=True)
            sys.exit(0)


def define() -> None:
    """Defines the flags in place of absl's."""
    app.define_help_flags()
    for answer in (
        _Answer("help", "Prints this page.", page, "h"),
        _Answer("helpshort", "Prints this page.", page, "?"),
        _Answer("helpfull", "Prints every flag, absl's too.", FLAGS.get_help),
        _Answer("version", "Prints the version.", version),
    ):
        flags.DEFINE_flag(answer)


def version() -> str:
    """Returns the package's name and version, and the commit of a checkout."""
    commit = checkout.commit()
    return f"tfadv {tfadv.__version__}" + (f" (commit {commit})" if commit else "")


def page() -> str:
    """Returns what the main module's docstring says, and its flags between text and examples."""
    text = inspect.cleandoc(sys.modules["__main__"].__doc__).replace("``", "")
    about, _, examples = text.partition("Examples::")
    own = FLAGS.get_key_flags_for_module(sys.argv[0])
    names = [name for name in FLAGS if FLAGS[name] in own and FLAGS[name].name == name]
    lines = [line for name in names for line in _lines(FLAGS[name])]
    return "\n".join([about + "Flags:", *lines, _OTHERS, "", "Examples:", examples.strip("\n")])


def _lines(flag: flags.Flag) -> list[str]:
    """Returns the lines of one flag: its form, and what it is for."""
    kind = flag.flag_type()
    value = "|".join(getattr(flag.parser, "enum_values", ())) or _VALUES.get(kind)
    form = f"  --{flag.name}={value}" if value else f"  --{flag.name}"
    # What absl adds to the words that the flag was defined with.
    words = flag.help.removesuffix(_REPEATED).removeprefix(f"<{value}>: ")
    if kind.startswith("multi"):
        words += " Repeatable."
    if flag.default and kind != "bool":
        words += f" (default: {flag.default_as_str[1:-1]})"  # which is in quotation marks
    indent = " " * _WORDS_AT
    lines = textwrap.wrap(words, COLUMNS, initial_indent=indent, subsequent_indent=indent)
    if len(form) < _WORDS_AT:
        return [form + lines[0][len(form) :], *lines[1:]]
    return [form, *lines]
