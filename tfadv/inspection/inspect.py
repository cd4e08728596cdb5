"""A look at a data set from its first file to the report."""

import os
from pathlib import Path

from rich.console import Console

from tfadv.data import Source
from tfadv.data.encoded_source import EncodedSource
from tfadv.data.plausibility import UnfitError
from tfadv.inspection import duplicates, record, report
from tfadv.inspection.data_sets import DataSet
from tfadv.inspection.survey import Survey
from tfadv.progress import Progress

# So many files make another process that decodes worth its start.
_FILES_OF_PROCESS = 4000


def inspect(
    data_set: DataSet, folder: Path, processes: int | None, console: Console
) -> dict[str, object]:
    """Looks at every image of a data set and writes the report.

    Args:
        data_set: what to look at.
        folder: for the report.
        processes: how many decode; None chooses by cores and files.
        console: for the progress.

    Returns:
        The record; see `tfadv.inspection.record`.

    Raises:
        UserError: the images are not here.
    """
    try:
        splits = data_set.build()
    except UnfitError as error:
        found = record.refused(error.message)
        report.write(folder, data_set.name, found)
        return found
    surveys = [_survey(split, source, processes, console) for split, source in splits.items()]
    repeated = duplicates.find(surveys)
    found = record.of(surveys, repeated, data_set.is_imagenet)
    report.write(folder, data_set.name, found, surveys, repeated)
    return found


def _survey(split: str, source: Source, processes: int | None, console: Console) -> Survey:
    survey = Survey(split, source)
    with Progress(f"look at {split}", len(source), console=console) as progress:
        survey.look(processes or _processes(source), progress.update)
    return survey


def _processes(source: Source) -> int:
    if not isinstance(source, EncodedSource):
        return 1
    return min(os.cpu_count() or 1, 1 + len(source) // _FILES_OF_PROCESS)
