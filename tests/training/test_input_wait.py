"""The time that training waits for images: measured, written, and warned of."""

import dataclasses
import time

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan, mirrored, one_device

from tfadv.data.source import ArraySource, Splits
from tfadv.training import input_wait
from tfadv.training.input_wait import InputWait

PAUSE = 0.15


class Slow(ArraySource):
    """Images of which each takes its time."""

    def fetch(self, index):
        def wait():
            time.sleep(PAUSE)
            return np.float32(0)

        image, label = super().fetch(index)
        return image + tf.ensure_shape(tf.numpy_function(wait, [], tf.float32), []), label


def slowed(plan):
    """Returns a plan whose training images are slow."""
    train, test = plan.splits
    slow = Slow("slow", train._images, train.labels, train.class_names)
    return dataclasses.replace(plan, splits=Splits(slow, test))


@pytest.mark.parametrize("make", [one_device, pytest.param(mirrored, marks=pytest.mark.slow)])
def test_steps_say_how_much_of_their_time_they_waited(make):
    bindings = ["Training.steps_per_call = 1", "synthetic.train_examples = 48"]
    ordinary = [m["input_wait"] for m in make(make_plan("clean", *bindings)).steps()]
    slow = [m["input_wait"] for m in make(slowed(make_plan("clean", *bindings))).steps()]
    assert all(0 <= share <= 1 for share in ordinary + slow)
    # A batch of such images takes a second, a step milliseconds.
    assert slow[-1] > 0.5 and slow[-1] > ordinary[-1]


def test_a_run_that_waits_long_is_warned_once(monkeypatch, capsys):
    monkeypatch.setattr(input_wait, "SECONDS_WORTH_SAYING", 10.0)
    wait = InputWait()
    wait.note(waited=100.0, seconds=100.0)  # until the pipeline has filled
    wait.note(waited=9.0, seconds=100.0)
    assert not capsys.readouterr().err  # not worth it yet
    wait.note(waited=3.0, seconds=100.0)
    assert "waits for images 6% of its time" in capsys.readouterr().err
    wait.note(waited=50.0, seconds=50.0)
    assert not capsys.readouterr().err


def test_a_run_that_hardly_waits_is_not_warned(capsys):
    wait = InputWait()
    for _ in range(50):
        wait.note(waited=4.9, seconds=100.0)
    assert not capsys.readouterr().err
