"""The files that a look at a data set leaves: a page, its record and the manifest."""

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv.data import manifest_file
from tfadv.errors import UserError
from tfadv.files import check_place, write_bytes, write_json
from tfadv.inspection import pictures, record
from tfadv.inspection.duplicates import BITS, CORRELATION, Duplicates, Place
from tfadv.inspection.figures import drawings
from tfadv.inspection.miniature import SIDE
from tfadv.inspection.remarks import Remarks
from tfadv.inspection.seen import DAMAGED, ODD, UNREADABLE
from tfadv.inspection.survey import Survey
from tfadv.reports.embedding import Picture, drawn
from tfadv.reports.templates import render

PAGE, RECORD, MANIFEST = "data_report.html", "data_report.json", "manifest.jsonl"
ROOM, TEMPLATE = "tfadv.inspection", "data_report.html.j2"
# Files of one kind that the page lists; the record lists all.
_LISTED = 1000
_ORDER = (UNREADABLE, DAMAGED, ODD)
_TINY = 64  # pixels: such images are shown as they are, enlarged


def check_new(folder: Path) -> None:
    """Raises `UserError` if a folder holds a report already."""
    check_place(folder / MANIFEST, "output_dir")
    for path in (folder / name for name in (PAGE, RECORD, MANIFEST)):
        if path.exists():
            raise UserError(
                f"--output_dir: there is a '{path}' already: choose another folder, or remove it"
            )


def write(
    folder: Path,
    name: str,
    found: Mapping,
    surveys: Sequence[Survey] = (),
    duplicates: Duplicates | None = None,
) -> None:
    """Writes the page and the record, and the manifest of what was looked at.

    Args:
        folder: is made if it isn't there.
        name: of the data set.
        found: its record; see `tfadv.inspection.record`.
        surveys: of its splits; none where it couldn't be looked at.
        duplicates: among their images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if surveys:
        _write_manifest(folder / MANIFEST, surveys)
    write_json(folder / RECORD, found)
    with Remarks() as remarks, remarks.listening():  # they are in the record
        page = _page(name, found, surveys, duplicates or Duplicates([], []))
    write_bytes(folder / PAGE, page.encode("utf-8", "backslashreplace"))  # of any file's name


def size(count: int) -> str:
    """Returns a number of bytes as ``1.4 GB``."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"


def _write_manifest(path: Path, surveys: Sequence[Survey]) -> None:
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf-8") as file:
        for one in surveys:
            file.writelines(map(manifest_file.line, record.manifest(one)))
    partial.replace(path)


def _page(name: str, found: Mapping, surveys: Sequence[Survey], duplicates: Duplicates) -> str:
    exact, near = pictures.of_duplicates(surveys, duplicates)
    figures: dict[str, list[Picture]] = {}
    for drawing in drawings(surveys) if surveys else ():
        figures.setdefault(drawing.section, []).append(drawn(drawing).picture)
    return render(
        ROOM,
        TEMPLATE,
        title=name,
        record=found,
        size=size,
        drawn=figures,
        groups=_groups(found["files"], surveys),
        exact=_named(surveys, exact),
        near=_named(surveys, near),
        sheet=list(pictures.sheet(surveys)) if surveys else [],
        tiny=bool(surveys) and all(one.heights.max() <= _TINY for one in surveys),
        limits={"bits": BITS, "bits_compared": SIDE * SIDE - 1, "correlation": CORRELATION},
    )


def _named(
    surveys: Sequence[Survey], shown: Sequence[Sequence[tuple[Place, str]]]
) -> list[list[dict[str, object]]]:
    return [
        [
            record.place(surveys[where.split], where.number) | {"picture": picture}
            for where, picture in group
        ]
        for group in shown
    ]


def _groups(files: Sequence[Mapping], surveys: Sequence[Survey]) -> list[dict[str, object]]:
    """Returns the files that have something of one kind and reason, the worst first."""
    by_reason: dict[tuple[str, str], list[Mapping]] = {}
    for file in files:
        reason = re.sub(r"\d[\d,]*", "…", file["reason"])
        by_reason.setdefault((file["kind"], reason), []).append(file)
    damaged = itertools.islice(_damaged(surveys), pictures.DAMAGED)
    shown = {key: pictures.picture(one.source, number) for key, one, number in damaged}
    return [
        {
            "kind": kind,
            "reason": reason,
            "count": len(some),
            "files": [
                {**file, "picture": shown.get((file["split"], file["path"]), "")}
                for file in some[:_LISTED]
            ],
        }
        for (kind, reason), some in sorted(
            by_reason.items(), key=lambda item: (_ORDER.index(item[0][0]), -len(item[1]))
        )
    ]


def _damaged(surveys: Sequence[Survey]):
    for one in surveys:
        for number, found in sorted(one.findings.items()):
            if any(finding.kind == DAMAGED for finding in found):
                yield (one.split, one.source.path(number)), one, number
