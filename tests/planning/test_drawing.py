"""What a run draws, and choices of it that don't go together, each one line."""

import numpy as np
import pytest
from shared.smoke_trainers import batches, make_plan
from shared.tiny_data import write_npz

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.drawing import lines

NAMES = [f"pattern {n}" for n in range(10)]


@pytest.fixture
def extra(tmp_path):
    """Returns bindings of a second data set: 20 generated images, softly labelled."""
    random = np.random.default_rng(0)
    side = make_plan("clean").splits.train.image_shape[0]
    pixels = random.integers(0, 256, (20, side, side, 3), np.uint8)
    path = write_npz(tmp_path / "extra.npz", pixels, random.dirichlet(np.ones(CLASSES), 20))
    return npz_of(path)


CLASSES = 4


def npz_of(path):
    return (
        "Experiment.extra = 'extra/npz'",
        f"extra/npz.train = '{path}'",
        f"extra/npz.test = '{path}'",
    )
