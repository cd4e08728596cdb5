"""An evaluation's record as figures and one page that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv.errors import UserError
from tfadv.files import write_text
from tfadv.plots.names import branches
from tfadv.reports import tables
from tfadv.reports.drawings import drawings
from tfadv.reports.embedding import Picture, drawn, unused
from tfadv.reports.outcomes import Judged, Shown
from tfadv.reports.templates import SHARED, render

__all__ = ["Judged", "Shown", "write"]

TEMPLATE = "evaluation.html.j2"


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
        done = drawn(drawing)
        files[unused(drawing.file, files)] = done.light
        sections.setdefault(drawing.section, []).append(done.picture)
    html = render(
        SHARED,
        TEMPLATE,
        record=record,
        class_names=class_names,
        branches=branches(record),
        tables=tables,
        sections=sections,
    )
    pictures.mkdir(parents=True)
    for name, content in files.items():
        (pictures / name).write_bytes(content)
    write_text(page, html)
    return page
