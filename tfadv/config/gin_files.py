"""Gin files: where they are, and their statements with what they include."""

from pathlib import Path
from typing import Any, NamedTuple

import gin
from gin import config_parser

from tfadv.errors import UserError, nearest

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent
# Holds gin/ and plugins/: a checkout's own take precedence over the copies of an installation.
SHIPPED = ROOT if (ROOT / "gin" / "base.gin").is_file() else PACKAGE / "shipped"


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


def file_lines(name: str, wanted_by: str) -> list[Line]:
    """Returns the statements of a gin file, and in their place those of files it includes.

    Args:
        name: a path relative to the working directory or to `SHIPPED`.
        wanted_by: who asks, for the error.

    Raises:
        UserError: the file is missing, or a line of it is no gin statement.
    """
    with open(find_file(name, wanted_by), encoding="utf-8") as text:
        found = lines_of(text, str(name))
    lines = []
    for line in found:
        if isinstance(line.statement, config_parser.IncludeStatement):
            lines += file_lines(line.statement.filename, line.at)
        else:
            lines.append(line)
    return lines


def find_file(name: str, wanted_by: str) -> Path:
    """Returns the path of a gin file.

    Raises:
        UserError: there is none; the line names the nearest one there is.
    """
    for folder in (Path.cwd(), SHIPPED):
        if (folder / name).is_file():
            return folder / name
    known = sorted(str(path.relative_to(SHIPPED)) for path in (SHIPPED / "gin").rglob("*.gin"))
    raise UserError(f"{wanted_by}: no gin file '{name}'.{nearest(name, known)}")


def lines_of(text, source: str) -> list[Line]:
    """Returns the statements of a text or open file, which `source` names in errors."""

    def at(number: int) -> str:
        return source if source.startswith("--") else f"{source}:{number}"

    try:
        parsed = config_parser.ConfigParser(text, gin.config.ParserDelegate())
        return [Line(statement, at(statement.location.line_num)) for statement in parsed]
    except SyntaxError as error:
        raise UserError(f"{at(error.lineno)}: not a gin statement: {error.msg}") from None
    except ValueError as error:
        raise UserError(f"{source}: {str(error).splitlines()[0]}") from None
