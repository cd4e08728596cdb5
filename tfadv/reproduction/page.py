"""What a report of a reproduction says beside its results."""

from typing import NamedTuple

from tfadv.reproduction.experiment import Experiment, Files
from tfadv.reproduction.results import Results
from tfadv.reproduction.verdicts import Verdict


class Compared(NamedTuple):
    """One setting here and in the paper, as text: ('training images', '10,000', '1,281,167')."""

    what: str
    here: str
    paper: str


class Page(NamedTuple):
    """Everything that a report shows.

    Attributes:
        experiment: what was to be reproduced.
        scale: its name.
        results: of the finished runs.
        verdicts: of the experiment's claims.
        settings: the scale beside the paper's.
        budget: what it took, as name and text: runs finished, hours, processor.
        sizes: in what a model differs from the scale, as text: 'PGD.steps = 2'; '' where
            in nothing.
        commands: that made the runs and this page.
        versions: of the software, as name and text.
    """

    experiment: Experiment
    scale: str
    results: Results
    verdicts: tuple[Verdict, ...]
    settings: tuple[Compared, ...]
    budget: tuple[tuple[str, str], ...]
    sizes: dict[Files, str]
    commands: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
