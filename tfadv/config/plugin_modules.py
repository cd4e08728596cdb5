"""Plugins: modules that register parts when they are imported, all or none of them.

There are three ways in: ``import plugins.my_norm`` in a gin file, ``--plugin=module``,
and installed packages with entry points in the group ``tfadv.plugins``.
"""

import contextlib
import hashlib
import importlib.util
import pkgutil
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from tfadv import registry
from tfadv.config import plugin_sources
from tfadv.errors import UserError, nearest
from tfadv.interruption import Interrupted

ENTRY_POINTS = "tfadv.plugins"


def load(module: str, wanted_by: str) -> None:
    """Imports a plugin; where that fails, nothing that it registered stays.

    Args:
        module: its importable name.
        wanted_by: who asks, for the error.

    Raises:
        UserError: the import fails, or registers nothing; the line names the
            module and the cause.
    """
    _import(f"{wanted_by}: plugin '{module}'", module, lambda: importlib.import_module(module))


def load_installed() -> dict[str, str]:
    """Loads the plugins of installed packages; one that fails leaves the others alone.

    Returns:
        Why each that can't be loaded fails, in one line that names it.
    """
    failures = {}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
        plugin = f"installed plugin '{point.name}' ({point.value}{owner})"
        try:
            _import(plugin, point.module, point.load)
        except UserError as error:
            failures[point.module] = error.message
    return failures


def are_installed() -> bool:
    """Returns whether a package brings plugins."""
    return bool(metadata.entry_points(group=ENTRY_POINTS))


def mount(folders: Sequence[str], own: Sequence[Path]) -> None:
    """Makes the modules of some folders importable as ``plugins.*``.

    Args:
        folders: the user's, which go first.
        own: the project's.

    Raises:
        UserError: one of the user's does not exist.
    """
    if "" in map(str, folders):
        raise UserError("--plugin_dir: name a folder")
    paths = [Path(folder).resolve() for folder in folders]
    for path in paths:
        if not path.is_dir():
            raise UserError(f"--plugin_dir: no folder '{path}'")
    package = sys.modules.setdefault("plugins", types.ModuleType("plugins"))
    package.__path__ = [str(path) for path in (*paths, *own)]
    importlib.invalidate_caches()


def in_folders() -> list[str]:
    """Returns the modules in the mounted folders, ``plugins.*``."""
    found = pkgutil.iter_modules(sys.modules["plugins"].__path__, "plugins.")
    return sorted({module.name for module in found})


def installed_in_use(names: Collection[str], part_names: Collection[str]) -> list[str]:
    """Returns the modules of installed packages of which a part is used.

    Args:
        names: registered names in use.
        part_names: Python names of parts in use.
    """
    modules = sorted({point.module for point in metadata.entry_points(group=ENTRY_POINTS)})
    return [
        module
        for module in modules
        if any(
            name in names or kind.get(name).__name__ in part_names
            for kind, name in parts_of(module)
        )
    ]


def parts_of(module: str) -> list[tuple[registry.Registry, str]]:
    """Returns the registered parts that a module, or one inside it, defines."""
    return [
        (kind, name)
        for kind in registry.REGISTRIES
        for name in kind.names()
        if f"{kind.get(name).__module__}.".startswith(f"{module}.")
    ]


def digest(module: str) -> str:
    """Returns twelve digits that change with the source of a plugin's parts.

    What they import from the plugin's own package or folder counts too.
    """
    modules = {kind.get(name).__module__ for kind, name in parts_of(module)} | {module}
    files = {name: Path(sys.modules[name].__file__) for name in modules}
    sources = plugin_sources.with_imports(files)
    contents = (sources[name].read_bytes() for name in sorted(sources))
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]


def defining(part_name: str) -> str:
    """Returns which module of the plugin folders defines a part, for an error, or ``""``."""
    for module in in_folders():
        source = importlib.util.find_spec(module)
        text = Path(source.origin).read_text(encoding="utf-8") if source else ""
        if re.search(rf"^(class|def) {re.escape(part_name)}\b", text, re.MULTILINE):
            return f" '{module}' defines it: import {module} first"
    return ""


def _import(plugin: str, module: str, importing: Callable[[], object]) -> None:
    modules, registered = set(sys.modules), registry.snapshot()
    try:
        with _interrupts() as came:
            importing()
        if not parts_of(module):
            raise UserError("it registers nothing; see docs/plugins.md")
    except Interrupted:
        raise
    except BaseException as error:  # a plugin may fail in any way
        registry.restore(registered)
        if came:  # it was not the plugin that raised
            raise
        package = module.partition(".")[0]
        for name in set(sys.modules) - modules:  # to be imported afresh once they are mended
            if name == module or name.startswith((f"{module}.", f"{package}.")):
                del sys.modules[name]
        raise UserError(f"{plugin} can't be loaded: {_cause(error, module)}") from error


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Notes the interrupts (Ctrl-C) that come meanwhile, and lets them do what they do."""
    came: list[int] = []

    def note(number, frame):
        came.append(number)
        before(number, frame)

    before = signal.getsignal(signal.SIGINT)
    mine = callable(before) and threading.current_thread() is threading.main_thread()
    if mine:
        signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        if mine:
            signal.signal(signal.SIGINT, before)


def _cause(error: BaseException, module: str) -> str:
    """Returns the error in one line, with the plugin's line that raised it."""
    text = in_one_line(error)
    if not isinstance(error, UserError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, ModuleNotFoundError) and module.startswith(str(error.name)):
        if module.endswith(".py") or "/" in module:
            name = Path(module).stem
            return f"{text}; for a file say --plugin_dir=FOLDER --plugin=plugins.{name}"
        return f"{text}; --plugin_dir=FOLDER makes the files of a folder plugins.*." + nearest(
            f"plugins.{module.removeprefix('plugins.')}", in_folders()
        )
    return text + raised_at(error, module)


def in_one_line(error: BaseException) -> str:
    """Returns an error's message without line ends; of Keras' wrapping, what was wrapped."""
    wrapped = re.search("\x1b\\[1m(.*?)\x1b\\[0m", str(error), re.DOTALL)
    return " ".join((wrapped[1] if wrapped else str(error)).split())


def raised_at(error: BaseException, module: str) -> str:
    """Returns ``" (its line N)"`` for the last line of a module that an error came through."""
    trace, line = error.__traceback__, None
    while trace:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if f"{name}.".startswith(f"{module}."):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (its line {line})" if line else ""
