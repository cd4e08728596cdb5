"""Pages from templates: everything that is filled in is escaped."""

from importlib import resources

import jinja2

SHARED = "tfadv.reports"


def render(room: str, name: str, **values) -> str:
    """Returns a page.

    Args:
        room: the package whose template it is; it may extend and include those of this one.
        name: of the template.
        values: that it is filled with.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda wanted: template(room, wanted)),
    )
    return environment.get_template(name).render(values)


def template(room: str, name: str) -> str | None:
    """Returns the text of a template of a room, or of this one; None where neither has it."""
    for package in (room, SHARED):
        path = resources.files(package) / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None
