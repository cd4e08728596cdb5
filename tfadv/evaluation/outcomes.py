"""Outcomes of one set of images, made once and kept."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfadv.attacks.gradients import NOT_FINITE
from tfadv.data.bad_images import BadImages, unreadable_among
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.evaluation.attack_runner import Columns, Portion
from tfadv.evaluation.outcome_log import CLEAN, OutcomeLog, Unit
from tfadv.progress import Work

Make = Callable[[Portion], Iterator[Columns]]
# What classifying an image costs, in forward and backward passes.
CLASSIFYING = 0.3


class Outcomes:
    """Fills in the outcomes that are not known yet.

    Args:
        source: the images.
        indices: which of them, int64 [N].
        log: what is known already, and where more is kept.
        work: the progress to report, in passes of an image.
        chapter: clean images of another chapter are another unit.

    Attributes:
        indices: as given.
        labels: int64 [N], of those images.
    """

    def __init__(
        self,
        source: Source,
        indices: np.ndarray,
        log: OutcomeLog,
        work: Work,
        chapter: str = "",
    ):
        self._source = source
        self.indices = indices
        self.labels = source.labels[indices].astype(np.int64)
        self._places = np.full(len(source), -1)
        self._places[indices] = np.arange(len(indices))
        self._log = log
        self._work = work
        self._clean = f"{chapter} {CLEAN}".strip()

    def fill(
        self, unit: Unit, make: Make, passes: float, places: np.ndarray | None = None
    ) -> tuple[np.ndarray, Columns]:
        """Returns a unit's outcomes.

        Args:
            unit: names them.
            make: makes those of some images.
            passes: what an image costs.
            places: of the images that the unit is about; None for all.

        Returns:
            The images' places in 0..N-1 and columns in the same order.

        Raises:
            UserError: the model, or the attack, gave numbers that are not finite.
            BadImagesError: images can't be read any more; what was known before is kept.
        """
        places = np.arange(len(self.indices)) if places is None else places
        known = self._found(unit)[0]
        self._work.add((len(self.indices) - len(places) + len(known)) * passes)
        missing = np.setdiff1d(places, known)
        if len(missing):
            self._make(unit, make, passes, Portion(self.indices[missing], len(places)))
        return self._found(unit)

    def column(self, unit: Unit, make: Make, passes: float, name: str) -> np.ndarray:
        """Returns one column of a unit about all images, in their order."""
        places, found = self.fill(unit, make, passes)
        return found[name][np.argsort(places)]

    def clean(self, branch: str, make: Make) -> Columns:
        """Returns a branch's outcomes on the images as they are, in their order."""
        places, found = self.fill(Unit(branch, self._clean), make, CLASSIFYING)
        order = np.argsort(places)
        return {name: column[order] for name, column in found.items()}

    def _make(self, unit: Unit, make: Make, passes: float, portion: Portion) -> None:
        """Adds outcomes; a first look counts all that are not finite, an attack stops there."""
        seen, broken = 0, np.empty(0, np.int64)
        for columns in self._read(make, portion):
            seen += len(columns["index"])
            broken = np.append(broken, columns["index"][_not_finite(columns)])
            if len(broken) and passes > CLASSIFYING:
                break
            if not len(broken):
                self._log.add(unit, columns)
            self._work.add(len(columns["index"]) * passes, what=f"{unit.branch} {unit.attack}")
        if len(broken):
            raise UserError(
                f"branch '{unit.branch}', {unit.attack}: numbers that are not finite (the logits, "
                f"or on the attack's way a loss or a gradient) on {len(broken)} of {seen} images, "
                f"such as image {broken[0]}: this can't be judged, and no record is written"
            )

    def _read(self, make: Make, portion: Portion) -> Iterator[Columns]:
        """Yields outcomes; names the files where images can't be read any more."""
        try:
            yield from make(portion)
        except tf.errors.OpError as error:
            bad = unreadable_among(self._source, portion.indices, error)
            BadImages().apply(self._source, bad)

    def _found(self, unit: Unit) -> tuple[np.ndarray, Columns]:
        found = self._log.found(unit)
        return self._places[found.get("index", np.empty(0, np.int64))], found


def _not_finite(columns: Columns) -> np.ndarray:
    """Returns bool [n]: the images whose outcomes are no numbers or no classes."""
    found = np.zeros(len(columns["index"]), bool)
    for name, column in columns.items():
        wrong = ~np.isfinite(column)
        if name == "prediction":
            wrong |= column == NOT_FINITE
        found |= wrong.reshape(len(column), -1).any(axis=1)
    return found
