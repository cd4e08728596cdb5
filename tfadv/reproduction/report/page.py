"""A reproduction's report as files: the page, Markdown and figures."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from tfadv.files import write_bytes, write_text
from tfadv.plots.style import svg
from tfadv.reports.drawings import Drawing
from tfadv.reports.embedding import drawn, unused
from tfadv.reports.templates import Raw, fenced, render, render_markdown
from tfadv.reproduction.page import Page
from tfadv.reproduction.report.contents import Figure, contents, titled
from tfadv.reproduction.report.drawings import drawings

ROOM = "tfadv.reproduction.report"
PAGE, MARKDOWN, FIGURES = "report.html", "report.md", "figures"
_LINKED_FIGURE = re.compile(rf"\(({FIGURES}/[^/()\s]+\.(?:png|svg))\)")


class _Drawn(NamedTuple):
    """A figure of the report and its files' contents."""

    figure: Figure
    png: bytes
    svg: bytes


def write(folder: Path, page: Page, more: Sequence[Drawing] = ()) -> Path:
    """Writes ``report.html``, ``report.md`` and ``figures/``, over those that were there.

    Everything is made before the first file is written, and each file is replaced as a
    whole. At every moment the page and the Markdown that lie there have their figures;
    those that no longer belong to them are removed at the end.

    Args:
        folder: is made if it isn't there.
        page: what the report shows.
        more: figures beside the experiment's curves and points, such as those of norm
            statistics.

    Returns:
        The path of report.html.
    """
    made = list(_drawn(page, more))
    report = contents(page, folder, [one.figure for one in made])
    html = render(ROOM, "report.html.j2", report=report)
    markdown = render_markdown(ROOM, "report.md.j2", report=report, raw=Raw, fenced=fenced)
    earlier = _figures_of(folder / MARKDOWN)
    (folder / FIGURES if made else folder).mkdir(parents=True, exist_ok=True)
    for one in made:
        write_bytes(folder / one.figure.png, one.png)
        write_bytes(folder / one.figure.svg, one.svg)
    write_text(folder / MARKDOWN, markdown)
    write_text(folder / PAGE, html)
    for path in earlier - _figures_of(folder / MARKDOWN):
        (folder / path).unlink(missing_ok=True)
    return folder / PAGE


def _drawn(page: Page, more: Sequence[Drawing]) -> Iterator[_Drawn]:
    """Yields the experiment's own figures and those that were given."""
    own = [
        drawing._replace(title=titled(page.experiment, part)) for part, drawing in drawings(page)
    ]
    taken: list[str] = []
    for number, drawing in enumerate([*own, *more], 1):
        taken.append(unused(PurePath(drawing.file).with_suffix(".png").name, taken))
        done = drawn(drawing)
        png = f"{FIGURES}/{taken[-1]}"
        vectors = str(PurePath(png).with_suffix(".svg").as_posix())
        yield _Drawn(
            Figure(f"figure-{number}", done.picture, png, vectors), done.light, svg(done.figure)
        )


def _figures_of(markdown: Path) -> set[str]:
    """Returns the figures that a report links to, none where there is no report."""
    if not markdown.is_file():
        return set()
    return set(_LINKED_FIGURE.findall(markdown.read_text(encoding="utf-8")))
