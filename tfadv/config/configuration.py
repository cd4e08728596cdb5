"""Gin files and bindings: found, checked and read before any work starts.

A scale chooses ``Experiment.scale``, a recipe ``Experiment.strategy``, and any
other file is an overlay. Whatever their order on the command line, scales are
read first, then recipes, then overlays in the order given, then bindings; what
is read later wins.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin
from gin import config_parser

from tfadv import registry
from tfadv.config import part_names, plugin_modules
from tfadv.config.gin_files import SHIPPED, Line, file_lines, foreign_lines, lines_of
from tfadv.errors import UserError, nearest

DEFAULT_SCALE = "gin/scale/digits.gin"
PROTOCOL = "gin/base.gin"  # what every recipe includes
# What makes a file a scale or a recipe; a command takes one of each.
# Gin's own message goes on with the whole configuration.
_MACRO = re.compile(r"No bindings specified for '(\S+?)/gin\.macro' in config string:.*", re.DOTALL)
SCALE, RECIPE = "Experiment.scale", "Experiment.strategy"


class Config:
    """What the gin files, bindings and plugins of one command say.

    Attributes:
        files: the gin files read, as given, included ones left out.
        not_imported: the plugin modules that a file from elsewhere names, which are not run.
        plugins: the plugin modules imported, and the installed ones in use.
        failures: why installed plugins can't be loaded, by their modules.
        values: what is bound, by ``Name.parameter`` or ``scope/Name.parameter``.
    """

    def __init__(self):
        self.files: list[str] = []
        self.not_imported: list[str] = []
        self.plugins: list[str] = []
        self.failures: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self._where: dict[str, str] = {}
        self._scopes: dict[str, str] = {}
        self._specs: set[str] = set()
        self._macros: dict[str, str] = {}
        self._referred: set[str] = set()

    def read_file(self, name: str, wanted_by: str = "--gin_file") -> None:
        """Reads one gin file and what it includes; see `file_lines`."""
        self._read(file_lines(name, wanted_by))

    def read_foreign(self, path: Path) -> None:
        """Reads what a bundle's gin file binds of parts that are known, and runs nothing of it.

        A gin file is code: it imports modules and includes files. One that came with a bundle
        does neither, so what it binds of plugins that nobody else named is left out.
        """
        lines, modules = foreign_lines(path)
        self.not_imported += [module for module in modules if module not in self.plugins]
        known = registry.configurables()
        for line in lines:
            part = line.key and line.key.rpartition("/")[2].partition(".")[0]
            if part is None or part in known:
                self._read([line])

    def read_bindings(self, bindings: Iterable[str], given_by: str = "--gin_bindings") -> None:
        """Reads ``name.parameter = value`` texts, from the command line or from Python."""
        for binding in bindings:
            self._read(lines_of(binding, f"{given_by}={binding!r}"))

    def import_plugin(self, module: str, wanted_by: str = "--plugin") -> None:
        """Imports a plugin module, which registers its parts.

        Raises:
            UserError: the import fails or registers nothing; the line names
                the module and the cause.
        """
        plugin_modules.load(module, wanted_by)
        if module not in self.plugins:
            self.plugins.append(module)

    def where(self, parameter: str) -> str | None:
        """Returns ``file:line`` of the last binding of ``Name.parameter`` or ``scope/…``."""
        return self._where.get(parameter)

    def check_scopes(self) -> None:
        """Raises `UserError` if a scope has bindings and nothing is built in it."""
        referred = {name.partition("/")[0] for name in self._referred if "/" in name}
        used = self._specs | referred | {registry.EVALUATION_SCOPE}
        for scope, at_line in self._scopes.items():
            if scope not in used:
                raise UserError(
                    f"{at_line}: nothing is built in the scope '{scope}'.{nearest(scope, used)}"
                )

    def check_macros(self) -> None:
        """Raises `UserError` if the command line binds a macro that nothing uses."""
        for macro, at_line in self._macros.items():
            if at_line.startswith("--gin_bindings") and f"{macro}/gin.macro" not in self._referred:
                names = [f"{name}.{p}" for name, ps in registry.configurables().items() for p in ps]
                raise UserError(
                    f"{at_line}: nothing uses a macro '{macro}'; a parameter is bound as "
                    f"Name.parameter = value.{nearest(macro, names)}"
                )

    def text(self) -> str:
        """Returns the whole configuration, the plugins' sources too, as gin in a fixed order."""
        imports = [f"import {m} # source {plugin_modules.digest(m)}\n" for m in self.plugins]
        return "".join(imports) + gin.config_str()

    def _read(self, lines: Iterable[Line]) -> None:
        for line in lines:
            try:
                self._apply(line)
            except UserError:
                raise
            except ValueError as error:
                raise UserError(f"{line.at}: {str(error).splitlines()[0]}") from None

    def _apply(self, line: Line) -> None:
        match line.statement:
            case config_parser.ImportStatement():
                self.import_plugin(line.statement.module, line.at)
            case config_parser.IncludeStatement():  # of a binding: files bring theirs along
                self.read_file(line.statement.filename, line.at)
            case config_parser.BlockDeclaration():
                part_names.check(registry.configurables(), line.statement.selector, None, line.at)
            case config_parser.BindingStatement(scope, selector, parameter, value):
                referred = gin.config.iterate_references({line.key: value})
                self._referred.update(one.scoped_selector for one in referred)
                if not parameter:
                    macro = f"{scope}/{selector}" if scope else selector
                    gin.bind_parameter((macro, "gin.macro", "value"), value)
                    self._macros[macro] = line.at
                    return
                part_names.check(registry.configurables(), selector, parameter, line.at)
                gin.bind_parameter((scope, selector, parameter), value)
                self.values[line.key] = value
                self._specs.update(t.partition("/")[0] for t in _texts(value) if "/" in t)
                if scope:
                    self._scopes.setdefault(scope.partition("/")[0], line.at)
                self._where[line.key] = line.at
                self._where[f"{selector.rpartition('.')[2]}.{parameter}"] = line.at


def with_plugins(plugins: Sequence[str] = (), plugin_dirs: Sequence[str] = ()) -> Config:
    """Returns an empty configuration, from a clean slate, with plugins loaded.

    Args:
        plugins: importable modules that register parts.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.

    Raises:
        UserError: a plugin can't be loaded; one that is merely installed is
            reported in `Config.failures` instead.
    """
    gin.clear_config()
    registry.forget_borrowed()
    config = Config()
    plugin_modules.mount(plugin_dirs, [SHIPPED / "plugins"])
    config.failures = plugin_modules.load_installed()
    for module in plugins:
        config.import_plugin(module)
    return config


def read(
    files: Sequence[str],
    bindings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
    bundle: Path | None = None,
    given_by: str = "--gin_bindings",
) -> Config:
    """Reads a command's whole configuration into gin, from a clean slate.

    Args:
        files: recipe and scale files in any order; `DEFAULT_SCALE` joins them
            where none of them chooses ``Experiment.scale``.
        bindings: ``name.parameter = value`` texts, which win.
        plugins: importable modules that register parts.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.
        bundle: the gin file that came with a bundle, which is read before the others in a
            scale's place.
        given_by: what gave the bindings, for errors.

    Raises:
        UserError: a file, parameter, macro or plugin is unknown or wrong.
    """
    config = with_plugins(plugins, plugin_dirs)
    if bundle:
        config.files.append(str(bundle))
        config.read_foreign(bundle)
    for name, lines in in_reading_order(files, scale_wanted=bundle is None):
        config.files.append(name)
        config._read(lines)
    config.read_bindings(bindings, given_by)
    config.check_scopes()
    config.check_macros()
    values = config.values.items()
    chosen = {text.rpartition("/")[2] for _, value in values for text in _texts(value)}
    bound = {key.rpartition("/")[2].partition(".")[0] for key, _ in values}
    installed = plugin_modules.installed_in_use(chosen, bound)
    config.plugins += [module for module in installed if module not in config.plugins]
    try:
        gin.finalize()
    except ValueError as error:
        message = _MACRO.sub(r"nothing binds the macro '%\1'", str(error))
        raise UserError(" ".join(message.split())) from None
    return config


def in_reading_order(
    files: Sequence[str], scale_wanted: bool = True
) -> list[tuple[str, list[Line]]]:
    """Returns the files and their lines: a scale, a recipe, overlays.

    Args:
        files: in any order.
        scale_wanted: whether `DEFAULT_SCALE` joins them where none is a scale.

    Raises:
        UserError: a file is missing, a line is no gin statement, or two files
            choose the same.
    """
    lines = {name: file_lines(name, "--gin_file") for name in files}
    recipe = _only_file_that_binds(RECIPE, lines)
    scale = _only_file_that_binds(SCALE, lines)
    if scale is None and scale_wanted:
        scale = DEFAULT_SCALE
        lines[scale] = file_lines(scale, "the default scale")
    first = list(dict.fromkeys(name for name in (scale, recipe) if name))
    overlays = [name for name in lines if name not in first]
    return [(name, lines[name]) for name in first + overlays]


def _only_file_that_binds(key: str, lines: Mapping[str, list[Line]]) -> str | None:
    """Returns the file in which a parameter is bound, None if there is none.

    Raises:
        UserError: there are two.
    """
    found = {name: line.at for name in lines for line in lines[name] if line.key == key}
    names = list(found)
    if len(names) > 1:
        raise UserError(
            f"{names[-1]} chooses {key} and so does {found[names[0]]}: give one recipe and one "
            "scale"
        )
    return names[0] if names else None


def chooses_scale(files: Sequence[str]) -> bool:
    """Returns whether one of the files is a scale."""
    lines = (line for name in files for line in file_lines(name, "--gin_file"))
    return any(line.key == SCALE for line in lines)


def values_of(files: Sequence[str]) -> dict[str, Any]:
    """Returns what some files bind together, and binds nothing."""
    bindings = [line for _, lines in in_reading_order(files) for line in lines if line.key]
    return {line.key: line.statement.value for line in bindings}


def operative_text() -> str:
    """Returns the parameters that were used so far: bound, borrowed and default ones."""
    borrowed = registry.borrowed().items()
    lines = [f"{key} = {value!r}  # from {source}\n" for key, (value, source) in borrowed]
    return gin.operative_config_str() + "".join(lines)


def _texts(value: object) -> list[str]:
    """Returns the texts in a bound value, among them every ``name`` and ``scope/name`` spec."""
    values = value if isinstance(value, tuple | list) else (value,)
    return [text for text in values if isinstance(text, str)]
