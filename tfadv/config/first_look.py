"""Mistakes in gin files and bindings that their text tells, before the parts are imported."""

from collections.abc import Iterable, Iterator, Sequence

from gin import config_parser

from tfadv import registry
from tfadv.config import part_names, plugin_modules
from tfadv.config.configuration import in_reading_order
from tfadv.config.gin_files import SHIPPED, Line, file_lines, lines_of
from tfadv.errors import UserError


def check(
    files: Sequence[str],
    bindings: Iterable[str],
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
    may_join: bool = False,
) -> None:
    """Raises `UserError` for the first mistake that text alone tells.

    That is a file that is missing or no gin, a second recipe or scale, the name of a part or
    parameter that there is not, and a norm, attack, … of the experiment that there is not. What
    plugins register, only importing them tells.

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
    source = part_names.of_source()
    known = source.parameters | registry.configurables()
    others = may_join or bool(plugins) or _imports(lines) or plugin_modules.are_installed()
    for selector, parameter, at in _names(lines):
        if not others or selector.rpartition(".")[2] in known:
            part_names.check(known, selector, parameter, at)
    names = {kind.kind: source.names[kind.kind] | {*kind.names()} for kind in registry.REGISTRIES}
    for kind, (name, at) in _chosen(lines).items():
        if not others and name not in names.get(kind, [name]):
            raise UserError(f"{at}: {registry.unknown(kind, name, names[kind])}")


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


def _chosen(lines: Iterable[Line]) -> dict[str, tuple[str, str]]:
    """Returns the parts of the experiment by their kind: the name, and where it was bound last."""
    found = {}
    for line in lines:
        match line.statement:
            case config_parser.BindingStatement(selector=selector, arg_name=kind, value=str(value)):
                if selector.rpartition(".")[2] == "Experiment":
                    found[kind] = value.rpartition("/")[2], line.at
    return found
