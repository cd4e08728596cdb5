"""Gin files: where they are, and their statements with what they include."""

import contextlib
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gin
from gin import config_parser

from tfadv.errors import UserError, nearest

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
# Holds gin/ and plugins/: a checkout's own take precedence over the copies of an installation.
SHIPPED = ROOT if (ROOT / "gin" / "base.gin").is_file() else PACKAGE / "shipped"
_DEEPEST = 16  # files that include one another


class Line(NamedTuple):
    """A gin statement and where it stands."""

    statement: Any
    at: str

    @property
    def key(self) -> str | None:
        """``Name.parameter``, or ``scope/Name.parameter``, of a binding."""
        match self.statement:
            case config_parser.BindingStatement(scope, selector, parameter, _) if parameter:
                name = f"{selector.rpartition('.')[2]}.{parameter}"
                return f"{scope}/{name}" if scope else name
        return None


def foreign_lines(path: Path) -> tuple[list[Line], list[str]]:
    """Returns what a gin file from elsewhere binds, and the modules that it would import.

    Nothing that it names is read or run.

    Raises:
        UserError: it can't be read, includes a file, or a line of it is no gin statement.
    """
    lines, modules = [], []
    for line in lines_of(_text_of(path, str(path), "--saved_model"), str(path)):
        match line.statement:
            case config_parser.IncludeStatement(filename):
                raise UserError(f"{line.at}: a bundle's configuration includes no '{filename}'")
            case config_parser.ImportStatement():
                modules.append(line.statement.module)
            case config_parser.BindingStatement():
                lines.append(line)
    return lines, modules


def file_lines(name: str, wanted_by: str, within: Sequence[Path] = ()) -> list[Line]:
    """Returns the statements of a gin file, and in their place those of files it includes.

    Args:
        name: a path relative to the working directory or to `SHIPPED`.
        wanted_by: who asks, for the error.
        within: the files that include it, the outermost first.

    Raises:
        UserError: the file is missing or includes itself, or a line of it is no gin
            statement.
    """
    path = find_file(name, wanted_by)
    if path in within:
        raise UserError(f"{wanted_by}: '{name}' is included by itself")
    if len(within) == _DEEPEST:
        raise UserError(f"{wanted_by}: more than {_DEEPEST} files include one another")
    lines = []
    for line in lines_of(_text_of(path, name, wanted_by), str(name)):
        if isinstance(line.statement, config_parser.IncludeStatement):
            lines += file_lines(line.statement.filename, line.at, (*within, path))
        else:
            lines.append(line)
    return lines


def _text_of(path: Path, name: str, wanted_by: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{wanted_by}: '{name}' can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: it is no text in UTF-8: {error.reason}") from None


def find_file(name: str, wanted_by: str) -> Path:
    """Returns the path of a gin file, without links.

    Raises:
        UserError: there is none; the line names the nearest one there is.
    """
    for folder in (Path.cwd(), SHIPPED):
        path = folder / name
        with contextlib.suppress(OSError):  # it may be too long to be a name
            if path.is_file():
                return path.resolve()
    known = sorted(str(path.relative_to(SHIPPED)) for path in (SHIPPED / "gin").rglob("*.gin"))
    raise UserError(f"{wanted_by}: no gin file '{name}'.{nearest(name, known)}")


def lines_of(text: str, source: str) -> list[Line]:
    """Returns the statements of a text, which `source` names in errors."""

    def at(number: int) -> str:
        return source if source.startswith(("--", "settings=")) else f"{source}:{number}"

    try:
        parsed = config_parser.ConfigParser(text, gin.config.ParserDelegate())
        return [Line(statement, at(statement.location.line_num)) for statement in parsed]
    except SyntaxError as error:
        raise UserError(f"{at(error.lineno)}: not a gin statement: {error.msg}") from None
    except tokenize.TokenError:
        raise UserError(f"{source}: a bracket or a quotation mark is never closed") from None
    except RecursionError:
        raise UserError(f"{source}: brackets are nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{source}: {str(error).splitlines()[0]}") from None
