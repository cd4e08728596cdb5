"""Gin files and bindings: found, checked and read before any work starts.

Recipes (``gin/*.gin``) and scales (``gin/scale/*.gin``) bind disjoint
parameters, so their order does not matter. Bindings come last and win.
"""

import importlib
import sys
import types
from collections.abc import Iterable, Sequence
from pathlib import Path

import gin
from gin import config_parser

from tfadv import registry
from tfadv.errors import UserError, nearest

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SCALE = "gin/scale/digits.gin"
# What a recipe and a scale each say; of each kind a command takes one.
CHOSEN_ONCE = ("Experiment.strategy", "Experiment.scale")
_INSTALLED = Path(sys.prefix) / "share" / "tfadv"


class Config:
    """What the gin files, bindings and plugins of one command say.

    Attributes:
        files: the gin files read, as given, included ones left out.
        plugins: the plugin modules imported.
    """

    def __init__(self):
        self.files: list[str] = []
        self.plugins: list[str] = []
        self._where: dict[str, str] = {}
        self._scopes: dict[str, str] = {}
        self._specs: set[str] = set()

    def read_file(self, name: str, wanted_by: str = "--gin_file") -> None:
        """Reads one gin file and what it includes.

        Args:
            name: a path relative to the working directory, the repository or
                the installed recipes.
            wanted_by: who asks, for the error.

        Raises:
            UserError: the file is missing, or a line of it is wrong.
        """
        path = find_file(name, wanted_by)
        with open(path, encoding="utf-8") as lines:
            self._read(lines, str(name))

    def read_bindings(self, bindings: Iterable[str]) -> None:
        """Reads ``name.parameter = value`` texts from the command line."""
        for binding in bindings:
            self._read(binding, f"--gin_bindings={binding!r}")

    def import_plugin(self, module: str, wanted_by: str = "--plugin") -> None:
        """Imports a plugin module, which registers its parts.

        Raises:
            UserError: the import fails; the line names the module and the cause.
        """
        try:
            importlib.import_module(module)
        except Exception as error:  # a plugin may fail in any way
            message = " ".join(str(error).split())
            raise UserError(
                f"{wanted_by}: plugin '{module}' can't be imported: "
                f"{type(error).__name__}: {message}"
            ) from error
        if module not in self.plugins:
            self.plugins.append(module)

    def where(self, parameter: str) -> str | None:
        """Returns ``file:line`` of the last binding of ``Name.parameter``."""
        return self._where.get(parameter)

    def check_scopes(self) -> None:
        """Raises `UserError` if a scope has bindings and nothing is built in it."""
        used = self._specs | {registry.EVALUATION_SCOPE}
        for scope, at_line in self._scopes.items():
            if scope not in used:
                raise UserError(
                    f"{at_line}: nothing is built in the scope '{scope}'.{nearest(scope, used)}"
                )

    def text(self) -> str:
        """Returns the whole configuration as one gin text in a fixed order."""
        imports = "".join(f"import {module}\n" for module in self.plugins)
        return imports + gin.config_str()

    def _read(self, text, source: str) -> None:
        try:
            for statement in config_parser.ConfigParser(text, gin.config.ParserDelegate()):
                self._apply(statement, source)
        except UserError:
            raise
        except SyntaxError as error:
            raise UserError(f"{source}:{error.lineno}: not a gin statement: {error.msg}") from None
        except ValueError as error:
            raise UserError(f"{source}: {str(error).splitlines()[0]}") from None

    def _apply(self, statement, source: str) -> None:
        at_line = source if source.startswith("--") else f"{source}:{statement.location.line_num}"
        match statement:
            case config_parser.ImportStatement():
                self.import_plugin(statement.module, at_line)
            case config_parser.IncludeStatement():
                self.read_file(statement.filename, at_line)
            case config_parser.BlockDeclaration():
                _check_name(statement.selector, None, at_line)
            case config_parser.BindingStatement(scope, selector, parameter, value):
                if not parameter:
                    macro = f"{scope}/{selector}" if scope else selector
                    gin.bind_parameter((macro, "gin.macro", "value"), value)
                    return
                _check_name(selector, parameter, at_line)
                gin.bind_parameter((scope, selector, parameter), value)
                self._specs.update(_scopes_named(value))
                if scope:
                    self._scopes.setdefault(scope.partition("/")[0], at_line)
                self._where[f"{selector.rpartition('.')[2]}.{parameter}"] = at_line


def read(
    files: Sequence[str],
    bindings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
) -> Config:
    """Reads a command's whole configuration into gin, from a clean slate.

    Args:
        files: recipe and scale files in any order; `DEFAULT_SCALE` joins them
            where none of them chooses ``Experiment.scale``.
        bindings: ``name.parameter = value`` texts, which win.
        plugins: importable modules that register parts.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.

    Raises:
        UserError: a file, parameter, macro or plugin is unknown or wrong.
    """
    for name in files:
        find_file(name, "--gin_file")
    gin.clear_config()
    config = Config()
    _mount_plugin_folders(plugin_dirs)
    for module in plugins:
        config.import_plugin(module)
    for name in files:
        before = {key: config.where(key) for key in CHOSEN_ONCE}
        config.read_file(name)
        for key, earlier in before.items():
            if earlier and config.where(key) != earlier:
                raise UserError(
                    f"{name} chooses {key} and so does {earlier}: give one recipe and one scale"
                )
        config.files.append(name)
    if config.where("Experiment.scale") is None:
        config.read_file(DEFAULT_SCALE, "the default scale")
        config.files.append(DEFAULT_SCALE)
    config.read_bindings(bindings)
    config.check_scopes()
    try:
        gin.finalize()
    except ValueError as error:
        raise UserError(" ".join(str(error).split())) from None
    return config


def operative_text() -> str:
    """Returns the parameters that were used so far, defaults among them."""
    return gin.operative_config_str()


def find_file(name: str, wanted_by: str) -> Path:
    """Returns the path of a gin file.

    Raises:
        UserError: there is none; the line names the nearest one there is.
    """
    for folder in (Path.cwd(), ROOT, _INSTALLED):
        if (folder / name).is_file():
            return folder / name
    known = sorted(
        {
            str(path.relative_to(folder))
            for folder in (ROOT, _INSTALLED)
            for path in (folder / "gin").rglob("*.gin")
        }
    )
    raise UserError(f"{wanted_by}: no gin file '{name}'.{nearest(name, known)}")


def _check_name(selector: str, parameter: str | None, at_line: str) -> None:
    known = registry.configurables()
    name = selector.rpartition(".")[2]
    if name not in known:
        raise UserError(f"{at_line}: nothing is called '{name}'.{nearest(name, known)}")
    if parameter is not None and parameter not in known[name]:
        raise UserError(
            f"{at_line}: {name} has no parameter '{parameter}'; it has "
            f"{', '.join(known[name]) or 'none'}.{nearest(parameter, known[name])}"
        )


def _scopes_named(value: object) -> set[str]:
    """Returns the outer scopes of the ``scope/name`` specs in a bound value."""
    texts = value if isinstance(value, tuple | list) else (value,)
    return {text.partition("/")[0] for text in texts if isinstance(text, str) and "/" in text}


def _mount_plugin_folders(extra: Sequence[str]) -> None:
    folders = [Path(folder).resolve() for folder in extra]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"--plugin_dir: no folder '{folder}'")
    package = sys.modules.setdefault("plugins", types.ModuleType("plugins"))
    package.__path__ = [
        str(folder) for folder in (*folders, ROOT / "plugins", _INSTALLED / "plugins")
    ]
