"""Pages and Markdown from templates: everything that is filled in is escaped."""

import html
import re
from importlib import resources

import jinja2

SHARED = "tfadv.reports"
_MARKS = re.compile(r"([\\`*_\[\]|#~$])")


class Raw(str):
    """Text that is Markdown already."""


def render(room: str, name: str, /, **values) -> str:
    """Returns a page.

    Args:
        room: the package whose template it is; it may extend and include those of this one.
        name: of the template.
        values: that it is filled with.
    """
    return _environment(room, autoescape=True).get_template(name).render(values)


def render_markdown(room: str, name: str, /, **values) -> str:
    """Returns Markdown; see `render`. A macro's output would be escaped too: include instead."""
    return _environment(room, finalize=in_markdown).get_template(name).render(values)


def template(room: str, name: str) -> str | None:
    """Returns the text of a template of a room, or of this one; None where neither has it."""
    for package in (room, SHARED):
        path = resources.files(package) / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def fenced(text: str) -> Raw:
    """Returns text as a block of code in Markdown."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Raw(f"{fence}text\n{text}\n{fence}")


def code_in_markdown(text: str) -> Raw:
    """Returns a text as code within a line of Markdown."""
    line = " ".join(str(text).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return Raw(f"{fence}{space}{line}{space}{fence}")


def _environment(room: str, **options) -> jinja2.Environment:
    return jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: template(room, name)),
        **options,
    )


def in_markdown(value: object) -> str:
    """Returns a value in one line that Markdown shows as it is."""
    if isinstance(value, Raw):
        return value
    line = " ".join(str(value).split())
    return _MARKS.sub(r"\\\1", html.escape(line, quote=False))
