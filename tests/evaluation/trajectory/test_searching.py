"""An attack by row on a stream of images: what each is beaten by, and what that costs."""

import contextlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.attacks.row_attack import RowAttack
from tfadv.devices.replicas import Replicas
from tfadv.evaluation.trajectory.searching import Searching
from tfadv.profiling.profile import Call, Unprofiled

COUNT, SIZE = 11, 4


class Left(NamedTuple):
    """How many looks at an image are left until a mistake is found."""

    looks: tf.Tensor


class Looking(RowAttack[Left]):
    """Finds a mistake at the look that the image's pixel says, of eight in two rounds."""

    rounds, steps, passes, start_passes = 2, 3, 2.0, 0.5

    def enter(self, images, labels, seeds):
        return Left(images[:, 0, 0, 0])

    def begin(self, own, rows):
        looks = own.looks - 1
        return Left(looks), tf.where(looks == 0, rows.labels + 1, rows.labels)

    def step(self, own, rows, count):
        return self.begin(own, rows)


class Counting(Unprofiled):
    """A profile of every call that keeps their work alone."""

    def __init__(self):
        self.work = []

    @contextlib.contextmanager
    def call(self, of, most=1):
        call = Call(most)
        yield call
        self.work.append(call.work)


def seeds_of(index):
    return tf.stack([index, index], 1)


def batches(looks):
    for first in range(0, COUNT, SIZE):
        rows = np.arange(first, first + SIZE)
        image = np.resize(looks, 12)[rows].astype("float32")[:, None, None, None]
        yield {"image": image, "label": rows, "index": rows, "counts": rows < COUNT}


def test_an_image_goes_with_its_first_mistake_or_after_all_rounds():
    looks, profile = np.random.default_rng(0).permutation(COUNT) + 1, Counting()
    attack = Looking(lambda images: images[:, 0, 0])
    searching = Searching(attack, seeds_of, Replicas(), False, profile)
    columns = list(searching.run(batches(looks)))
    index, prediction, passes = (
        np.concatenate([one[name] for one in columns]) for name in ("index", "prediction", "passes")
    )
    assert sorted(index) == list(range(COUNT))
    np.testing.assert_array_equal(prediction, np.where(looks[index] <= 8, index + 1, index))
    done = np.minimum(looks[index], 8)
    begun = -(-done // 4)
    np.testing.assert_array_equal(passes, 2.0 * (done - begun) + 0.5 * begun)
    assert sum(profile.work) == passes.sum()
