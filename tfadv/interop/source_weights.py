"""What a file of weights holds for a network, whatever it is written like."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

PARAMETER = "Experiment.initial_weights"
NEW_HEAD = ": bind Experiment.new_head = True, which leaves the last layer as it is made"


class SourceWeights(NamedTuple):
    """Weights by the paths of a network's variables.

    Attributes:
        values: by path; those of norms without a branch, if the source's have none.
        called: what the source calls them, by path, where it has names of its own.
        left: lines about what else it holds and is not taken over.
        unsaid: lines about what it doesn't say and its user must know.
    """

    values: Mapping[str, np.ndarray]
    called: Mapping[str, str] = {}
    left: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
