"""Mistakes in gin files and bindings that their text tells, before the parts are imported."""

from collections.abc import Iterable, Iterator, Sequence

from gin import config_parser

from tfadv import registry
from tfadv.config import part_names, plugin_modules
from tfadv.config.configuration import in_reading_order
from tfadv.config.gin_files import SHIPPED, Line, file_lines, lines_of


def check(
    files: Sequence[str],
    bindings: Iterable[str],
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
    may_join: bool = False,
) -> None:
    """Raises `UserError` for the first mistake that text alone tells.

    That is a file that is missing or no gin, a second recipe or scale, and the name of a part or
    parameter that there is not. What plugins register, only importing them tells.

    Args:
        files: see `configuration.read`.
        bindings: likewise.
        plugins: likewise.
        plugin_dirs: likewise.
        may_join: whether other files, which may name plugins, are read as well.
    """
    plugin_modules.mount(plugin_dirs, [SHIPPED / "plugins"])
    lines = [line for _, found in in_reading_order(files, scale_wanted=False) for line in found]
    lines += [line for binding in bindings for line in _lines_of_binding(binding)]
    known = part_names.of_source() | registry.configurables()
    may_join = may_join or bool(plugins) or _imports(lines)
    for selector, parameter, at in _names(lines):
        is_ours = selector.rpartition(".")[2] in known
        if is_ours or not (may_join or plugin_modules.are_installed()):
            part_names.check(known, selector, parameter, at)


def _lines_of_binding(binding: str) -> Iterator[Line]:
    for line in lines_of(binding, f"--gin_bindings={binding!r}"):
        match line.statement:
            case config_parser.IncludeStatement(filename=name):
                yield from file_lines(name, line.at)
            case _:
                yield line


def _imports(lines: Iterable[Line]) -> bool:
    return any(isinstance(line.statement, config_parser.ImportStatement) for line in lines)


def _names(lines: Iterable[Line]) -> Iterator[tuple[str, str | None, str]]:
    """Yields the parts and parameters that lines name, and where; macros are neither."""
    for line in lines:
        match line.statement:
            case config_parser.BlockDeclaration(selector=selector):
                yield selector, None, line.at
            case config_parser.BindingStatement(selector=selector, arg_name=name) if name:
                yield selector, name, line.at
