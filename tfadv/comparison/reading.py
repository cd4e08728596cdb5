"""What is compared side by side: records of evaluations, and results of runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfadv.comparison.sides import Side
from tfadv.data.manifest import without_times
from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import CLEAN, configuration_of
from tfadv.evaluation.predictions import predictions_path, read_predictions
from tfadv.files import read_record
from tfadv.plots.curves import attack_key
from tfadv.runs import provenance
from tfadv.runs.run_directory import RunDirectory, bindings

_RESULTS = "results.json"
_SHAPE = {"model": dict, "dataset": str, "examples": int, "pixel_range": list}
_SHAPE |= {"clean": dict, "attacks": list}


def sides_of(records: Sequence[str], runs: Sequence[str]) -> list[Side]:
    """Returns what is compared, in the order given, records first.

    Args:
        records: paths of records, as ``python -m tfadv.evaluate`` writes them.
        runs: folders of finished runs, whose results are compared.

    Raises:
        UserError: there are fewer than two, one is given twice, is not there or is no record.
    """
    paths = [Path(path) for path in (*records, *runs)]
    if len(paths) < 2:
        raise UserError("name two or more to compare, such as --record=a.json --record=b.json")
    whole = [path.resolve() for path in paths]
    for path in paths:
        if whole.count(path.resolve()) > 1:
            raise UserError(f"'{path}' is given twice: name two different ones")
    readers = [_of_record] * len(records) + [_of_run] * len(runs)
    named = zip(readers, paths, _names(paths), strict=True)
    return [read(path, name) for read, path, name in named]


def _of_record(path: Path, name: str) -> Side:
    """Returns a record with all that lies beside it."""
    if path.is_dir():
        raise UserError(f"--record: '{path}' is a folder: name a record, or take --model_dir")
    if not path.is_file():
        raise UserError(f"--record: there is no '{path}'")
    if path.name == _RESULTS:
        return _of_run(path.parent, name)
    record = read_record(path, "name a record of python -m tfadv.evaluate", _SHAPE)
    text = configuration_of(path.with_suffix(".images.jsonl"))
    if not predictions_path(path).is_file():
        return Side(name, record, bindings(text))
    found = read_predictions(path)
    images = np.stack([found.index, found.label])
    keys = [(branch, CLEAN) for branch in record["clean"]]
    keys += [(row["branch"], attack_key(row)) for row in record["attacks"]]
    predicted = [*found.clean, *found.attacks]
    if len(predicted) != len(keys):
        raise UserError(f"'{predictions_path(path)}' belongs to another record than '{path}'")
    right = {}
    for key, one in zip(keys, predicted, strict=True):
        right.setdefault(key, one == found.label)  # of attacks that are alike the first counts
    return Side(name, record, bindings(text), images, right)


def _of_run(path: Path, name: str) -> Side:
    """Returns the results of a run, whose images' outcomes are not kept."""
    directory = RunDirectory(path)
    record = directory.results()
    if record is None:
        raise UserError(f"--model_dir: '{path}' is no folder of a finished run")
    made = provenance.of_run(path)
    if data := directory.identity().get("data", {}).get("test"):
        made["images"] = without_times(data)
    config = path / "config.gin"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    return Side(name, {**record, "provenance": made}, bindings(text))


def _names(paths: Sequence[Path]) -> list[str]:
    """Returns the shortest names that differ: of the files, with their folders, or whole paths."""
    stems = [path.stem if path.suffix == ".json" else path.name for path in paths]
    within = [f"{path.parent.name}/{stem}" for path, stem in zip(paths, stems, strict=True)]
    for names in (stems, within):
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
