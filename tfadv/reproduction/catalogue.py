"""Every experiment of the paper, by name."""

from tfadv.errors import UserError, nearest
from tfadv.reproduction.experiment import Experiment
from tfadv.reproduction.paper_figures import FIGURES, SECTIONS
from tfadv.reproduction.paper_tables import TABLES

EVERYTHING = "everything"


def chosen(name: str) -> Experiment:
    """Returns an experiment by its name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"--experiment: there is no '{name}'; there are {', '.join(EXPERIMENTS)}."
            + nearest(name, EXPERIMENTS)
        )
    return EXPERIMENTS[name]


def _everything(parts: tuple[Experiment, ...]) -> Experiment:
    joined = {
        kind: tuple(dict.fromkeys(one for part in parts for one in getattr(part, kind)))
        for kind in ("tables", "curves", "points", "statistics", "claims")
    }
    return Experiment(EVERYTHING, "the paper", "Every table and figure", **joined)


_PARTS = (*TABLES, *FIGURES, *SECTIONS)
EXPERIMENTS = {one.name: one for one in (*_PARTS, _everything(_PARTS))}
