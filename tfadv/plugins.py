"""Lists, checks and starts plugins.

Without a flag it lists everything registered; ``--check`` runs the conformance kit;
``--new KIND NAME`` writes a file to start from, and its recipe.

Examples::

    python -m tfadv.plugins
    python -m tfadv.plugins --new norm my_norm --plugin_dir=ideas
    python -m tfadv.plugins --check=plugins.my_norm --plugin_dir=ideas
"""

import sys
import time
import unittest
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from absl import flags
from rich.console import Console

from tfadv import config, digests, kept, registry
from tfadv.config import command_line, command_start, plugin_modules
from tfadv.config.gin_files import PACKAGE, SHIPPED
from tfadv.errors import UserError
from tfadv.registry import listing

LINES = "lines"
FLAGS = flags.FLAGS
flags.DEFINE_multi_string("check", [], "Modules whose parts the conformance kit is to check.")
KINDS = [kind.kind for kind in registry.REGISTRIES]
flags.DEFINE_enum("new", None, KINDS, "Writes a plugin: --new norm my_norm.")
command_line.define_plugin_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them


def check_flags() -> None:
    """Raises `UserError` if flags don't go together."""
    if FLAGS.new:
        command_line.refuse_flags(["check"], "comes after --new, in a command of its own")


def answer_at_once() -> None:
    """Prints the list that was kept, and ends, where a list is asked for and nothing has changed.

    Raises:
        UserError: flags don't go together.
    """
    check_flags()
    if FLAGS.new:  # it makes the folder that --plugin_dir names
        return
    plugin_modules.mount(FLAGS.plugin_dir, [SHIPPED / "plugins"])
    if (about := list_depends_on()) and (found := kept.recall(about)):
        print_lines(found[LINES], command_line.terminal())
        sys.exit()


def list_depends_on() -> dict[str, object] | None:
    """Returns what the list depends on; None where none is asked for, or that can't be told."""
    asks_for_more = FLAGS.new or FLAGS.check or FLAGS.plugin or FLAGS.gin_bindings
    if asks_for_more or plugin_modules.are_installed():
        return None
    folders = [PACKAGE, *map(Path, sys.modules["plugins"].__path__)]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    versions = [metadata.version(name) for name in ("tensorflow", "keras")]
    names = [*map(str, sources), *versions]
    return {"list": digests.of_texts(names), "sources": digests.of_files(sources)}


def print_lines(lines: Iterable[Sequence[str]], console: Console) -> None:
    """Prints lines, each with its style."""
    for style, line in lines:
        console.print(line, style=style)


# What follows takes seconds to import.
command_start.begin(__name__, answer_at_once, takes_words=lambda: FLAGS.new)

import tensorflow as tf

from tfadv import testing
from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401
from tfadv.testing import templates


def main(argv):
    """Lists, checks or writes."""
    console = command_line.terminal()
    tf.get_logger().setLevel("ERROR")  # the kit traces on purpose more than once
    with command_line.mistakes_in_one_line():
        if FLAGS.new:
            start_plugin(argv[1:], console)
            return
        command_line.refuse_arguments(argv)
        read = command_line.read_plugin_flags()
        if FLAGS.check:
            testing.two_cpus()  # before TensorFlow starts its devices
            sys.exit(0 if check_modules(read, FLAGS.check, console) else 1)
        failures = load_folders()
        lines = list(listing.lines())
        print_lines(lines, console)
        if not failures and (about := list_depends_on()):
            kept.keep(about, {LINES: lines})
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    if failures:
        sys.exit(1)


def load_folders() -> list[str]:
    """Loads every module of the plugin folders; returns why some can't be."""
    failures = []
    for module in plugin_modules.in_folders():
        try:
            plugin_modules.load(module, "plugin folder")
        except UserError as error:
            failures.append(error.message)
    return failures


def check_modules(read: config.Config, modules: list[str], console: Console) -> bool:
    """Runs the conformance kit on the parts of some modules and prints each check.

    Args:
        read: loads the modules.
        modules: their names.
        console: prints.

    Returns:
        Whether all checks hold.

    Raises:
        UserError: a module can't be loaded, or registers nothing.
    """
    passed = True
    for module in modules:
        read.import_plugin(module, "--check")
        for kind, name in plugin_modules.parts_of(module):
            passed &= _check_part(kind.kind, name, console)
    return passed


def _check_part(kind: str, name: str, console: Console) -> bool:
    console.print(f"{kind} {name}", style="bold")
    start, failed, before = time.monotonic(), 0, None
    checks = testing.checks(kind, name)
    for check in checks:
        try:
            check()
            outcome = "pass  " + check.title
        except unittest.SkipTest as reason:
            outcome = f"skip  {check.title}: {reason}"
        except Exception as error:  # a plugin may fail in any way
            failed += 1
            said = str(error)
            if not isinstance(error, testing.ConformanceError):
                said = _raised(error, testing.KINDS[kind].get(name).__module__)
            outcome = f"FAIL  {check.title}: {'the same' if said == before else said}"
            before = said
        console.print(f"  {outcome}", style="red" if "FAIL" in outcome[:4] else None)
    seconds = time.monotonic() - start
    console.print(f"{len(checks) - failed} of {len(checks)} hold ({seconds:.1f} s)")
    return not failed


def _raised(error: Exception, module: str) -> str:
    """Returns an error that is none of the kit's in one line, with the plugin's line."""
    at_line = plugin_modules.raised_at(error, module)
    return f"it raises {type(error).__name__}: {plugin_modules.in_one_line(error)}{at_line}"


def start_plugin(arguments: list[str], console: Console) -> None:
    """Writes a plugin's first file, and its recipe or overlay.

    Args:
        arguments: what follows ``--new KIND``: the name.
        console: prints what to do next.

    Raises:
        UserError: the name is missing, in use or none, or a file is there.
    """
    if len(arguments) != 1:
        raise UserError(f"--new wants one name: python -m tfadv.plugins --new {FLAGS.new} my_name")
    folder = Path(FLAGS.plugin_dir[0] if FLAGS.plugin_dir else "plugins")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--plugin_dir: '{folder}' can't be made: {error.strerror}") from None
    command_line.read_plugin_flags()
    load_folders()
    for path in templates.write(FLAGS.new, arguments[0], folder):
        console.print(f"wrote {path}")
    recipes = [folder / f"{arguments[0]}.gin"]
    if templates.is_overlay(FLAGS.new):
        recipes.insert(0, Path("gin/mbn_alp.gin"))
    files = " ".join(f"--gin_file={recipe}" for recipe in recipes)
    for command in (f"plugins --check=plugins.{arguments[0]}", f"train {files}"):
        console.print(f"python -m tfadv.{command} --plugin_dir={folder}")


if __name__ == "__main__":
    command_line.run(main)
