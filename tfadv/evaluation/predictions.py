"""What every attack made every image be taken for, beside an evaluation's record."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.outcome_log import CLEAN
from tfadv.files import read_arrays, write_bytes


class Predictions(NamedTuple):
    """Classes of the images that an evaluation judged.

    Attributes:
        index: of each image within its source, int64 [N].
        label: its class, int64 [N].
        clean: predicted without attack, int64 [B, N], in the order of the record's ``clean``.
        attacks: predicted under attack, int64 [R, N], in the order of its ``attacks``.
    """

    index: np.ndarray
    label: np.ndarray
    clean: np.ndarray
    attacks: np.ndarray


def predictions_path(record: Path) -> Path:
    """Returns where the predictions lie that belong to a record."""
    return record.with_suffix(".predictions.npz")


def write_predictions(evaluator: Evaluator, record: Mapping, path: Path) -> None:
    """Writes the predictions of an evaluator that has evaluated, as a whole or not at all."""
    rows = [evaluator.predictions[key] for key in evaluator.rows_in_order]
    count = len(evaluator.indices)
    predictions = Predictions(
        evaluator.indices,
        evaluator.source.labels[evaluator.indices].astype(np.int64),
        np.stack([evaluator.predictions[branch, CLEAN] for branch in record["clean"]]),
        np.stack(rows) if rows else np.empty((0, count), np.int64),
    )
    content = io.BytesIO()
    np.savez_compressed(content, **predictions._asdict())
    write_bytes(path, content.getvalue())


def read_predictions(record: Path) -> Predictions:
    """Returns the predictions that belong to a record.

    Raises:
        UserError: they are missing or damaged.
    """
    path = predictions_path(record)
    remedy = f"remove '{record}', its report and that file, and evaluate once more"
    arrays = read_arrays(path, remedy)
    try:
        return Predictions(*(arrays[name] for name in Predictions._fields))
    except KeyError as error:
        raise UserError(f"'{path}' is damaged, it has no {error}: {remedy}") from None
