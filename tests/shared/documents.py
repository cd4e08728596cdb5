"""What the documents tell their readers to type: commands and blocks of code."""

import ast
import itertools
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from shared.project import PACKAGE, ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md")
GIN_FILES = tuple(sorted((ROOT / "gin").rglob("*.gin")))
_RUNS = 'if __name__ == "__main__"'
COMMAND_FILES = tuple(p for p in sorted(PACKAGE.rglob("*.py")) if _RUNS in p.read_text())


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        language: after the fence, '' where there is none.
        text: its lines, without the indentation of the fence.
        where: page and line of the first of them.
    """

    language: str
    text: str
    where: str


class Command(NamedTuple):
    """One command, continuation lines joined.

    Attributes:
        text: for a shell, a comment at the end included.
        where: page or gin file, and line.
    """

    text: str
    where: str

    @property
    def words(self) -> tuple[str, ...]:
        """The shell's words, without a comment."""
        return tuple(shlex.split(self.text, comments=True))

    def values(self, flag: str) -> list[str]:
        """Returns what ``--flag=`` or ``--flag`` is given, each time."""
        found = [word.partition("=") for word in self.words]
        return [value for name, _, value in found if name == f"--{flag}"]


def blocks(page: Path) -> list[Block]:
    """Returns the fenced blocks of a page, in order."""
    found, opened = [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"( *)```(\w*)$", line)
        if opened is None and fence:
            opened = fence.group(2), len(fence.group(1)), number + 1, []
        elif opened and fence:
            language, _, start, lines = opened
            found.append(Block(language, "\n".join(lines) + "\n", f"{_short(page)}:{start}"))
            opened = None
        elif opened:
            opened[3].append(line[opened[1] :])
    return found


def commands(block: Block) -> list[Command]:
    """Returns the commands of a shell block, in order; comment lines are none."""
    page, _, start = block.where.rpartition(":")
    return list(_joined(block.text.splitlines(), page, int(start)))


def head_commands(file: Path) -> list[Command]:
    """Returns the commands in the comments of a gin file: ``#   python -m …``."""
    lines = file.read_text(encoding="utf-8").splitlines()
    head = [line[1:].strip() for line in itertools.takewhile(lambda x: x[:1] == "#", lines)]
    continued = [False, *(line.endswith("\\") for line in head)]
    kept = [
        line if line.startswith("python -m ") or carries_on else ""
        for line, carries_on in zip(head, continued, strict=False)
    ]
    return list(_joined(kept, _short(file), 1))


def examples(file: Path) -> list[Command]:
    """Returns the commands under ``Examples::`` in a command's docstring, which `--help` shows."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    shown = text.partition("Examples::")[2]
    return list(_joined([line.strip() for line in shown.splitlines()], _short(file), 1))


def name_of(file: Path) -> str:
    """Returns what a command is called; a room that is one itself has it in its ``__main__``."""
    return file.parent.name if file.stem == "__main__" else file.stem


def head_bindings(file: Path) -> list[str]:
    """Returns the bindings that a gin file's comments offer: ``#   --gin_bindings=…``."""
    lines = file.read_text(encoding="utf-8").splitlines()
    offered = [line[1:] for line in lines if re.match(r"# +--gin_bindings", line)]
    found = [_joined([line], _short(file), 1) for line in offered]
    return [b for command in itertools.chain(*found) for b in command.values("gin_bindings")]


def code_spans(page: Path) -> list[tuple[str, str]]:
    """Returns the text between backticks outside of blocks, each with page and line."""
    found, inside = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r" *```", line):
            inside = not inside
        elif not inside:
            found += [(span, f"{_short(page)}:{number}") for span in re.findall(r"`([^`]+)`", line)]
    return found


def _joined(lines, page: str, start: int):
    """Yields commands: a line goes on after a backslash, or while a quote is open."""
    text, first = "", start
    for number, line in enumerate(lines, start):
        first = first if text else number
        text += line
        if text.endswith("\\"):
            text = text[:-1].rstrip() + " "
            text = re.sub(r" +", " ", text)
            continue
        try:
            words = shlex.split(text, comments=True)
        except ValueError:  # no closing quotation yet
            text += "\n"
            continue
        if words:
            yield Command(re.sub(r"(?<=\S) {2,}(?=\S)", " ", text.strip()), f"{page}:{first}")
        text = ""
    assert not text, f"{page}:{first}: a command without an end: {text}"


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
