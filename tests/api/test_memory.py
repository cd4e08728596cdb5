"""What stays in memory of a model that was trained and attacked: nothing."""

import gc

import keras
import pytest
import tensorflow as tf
from api.conftest import fitted

import tfadv


def left() -> tuple[int, int]:
    gc.collect()
    objects = gc.get_objects()
    return tuple(sum(isinstance(one, kind) for one in objects) for kind in (tf.Graph, keras.Model))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("one_device", {}),
        pytest.param("mirrored", {"validation": 8}, marks=pytest.mark.slow),
    ],
)
def test_a_process_holds_one_model_at_a_time(kind, more, data, tmp_path):
    """Whatever a graph captures, such as weights, goes with it."""

    def work(number):
        settings = {"Distribution.kind": kind, "Training.average_decay": 0.9}
        given = {"strategy": "logit_pairing", "settings": settings} | more
        run = fitted("resnet", data, folder=tmp_path / f"{number}", **given)
        tfadv.evaluate(run, data[1], attacks=["pgd"], quiet=True)

    work(0)
    before = left()
    work(1)
    assert left() == before
