"""An evaluation's record as figures and one page that needs nothing else."""

import base64
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jinja2

from tfadv.errors import UserError
from tfadv.files import write_text
from tfadv.reports import tables
from tfadv.reports.drawings import drawings
from tfadv.reports.outcomes import Judged, Shown, branches
from tfadv.reports.style import DARK, LIGHT, png

__all__ = ["Judged", "Shown", "write"]

TEMPLATE = "evaluation.html.j2"


class Picture(NamedTuple):
    """A figure on the page: PNGs as data URIs, for a light and a dark one."""

    title: str
    caption: str
    light: str
    dark: str


def write(
    folder: Path,
    record: Mapping,
    class_names: Sequence[str],
    judged: Sequence[Judged],
    worst: Sequence[Shown],
) -> Path:
    """Writes ``figures/*.png`` and ``report.html``, which holds them too.

    Args:
        folder: is made if it isn't there.
        record: of an evaluation; what it lacks, the page leaves out.
        class_names: K names.
        judged: predictions, for the confusion matrices.
        worst: images that attacks fooled, in the order to show them.

    Returns:
        The path of report.html.

    Raises:
        UserError: there is a report already.
    """
    page, pictures = folder / "report.html", folder / "figures"
    for path in (page, pictures):
        if path.exists():
            raise UserError(f"there is a '{path}' already: choose another folder, or remove it")
    sections: dict[str, list[Picture]] = {}
    files = {}
    for drawing in drawings(record, class_names, judged, worst):
        light, dark = (png(drawing.draw(theme=theme)) for theme in (LIGHT, DARK))
        files[_unused(drawing.file, files)] = light
        picture = Picture(drawing.title, drawing.caption, _data_uri(light), _data_uri(dark))
        sections.setdefault(drawing.section, []).append(picture)
    html = _page(record, class_names, sections)
    pictures.mkdir(parents=True)
    for name, content in files.items():
        (pictures / name).write_bytes(content)
    write_text(page, html)
    return page


def _unused(file: str, taken: Collection[str]) -> str:
    """Returns a name, numbered where branches such as 'adv' and 'Adv' make the same one."""
    name, number = file, 1
    while name in taken:
        number += 1
        name = f"{file.removesuffix('.png')}_{number}.png"
    return name


def _page(
    record: Mapping, class_names: Sequence[str], sections: Mapping[str, Sequence[Picture]]
) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = (resources.files("tfadv.reports") / TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(
        record=record,
        class_names=class_names,
        branches=branches(record),
        tables=tables,
        sections=sections,
    )


def _data_uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
