"""Trial calls: they compute what a step computes, in the dtype asked for, and leave no trace."""

import dataclasses
import random
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan, mirrored, one_device, randomized, values

from tfadv.norms import NormMode
from tfadv.planning import precision_trials as trials
from tfadv.planning.workload import measure_forward

SMALL = ("ResNet.blocks = (1,)", "ResNet.width = 4")


@pytest.fixture
def trainer():
    """Returns a trainer of a network whose every weight is random."""
    return randomized(one_device(make_plan("mbn", *SMALL)))


@pytest.fixture
def batch():
    """Returns images [4, 8, 8, 3] and labels."""
    images = np.random.default_rng(1).uniform(0, 255, (4, 8, 8, 3))
    return tf.constant(images, tf.float32), tf.constant([0, 1, 2, 3])


def losses(model, images, labels, mode):
    logits, _ = model(images, mode=mode, collect=True)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def test_the_attack_s_and_the_evaluation_s_call_is_a_gradient_by_the_images(trainer, batch):
    model, (images, labels) = trainer.model, batch
    of_attack = trials.attack_trial(trainer.plan, model, 4)
    of_evaluation = trials.evaluation_trial(model, 4)
    for trial, branch in ((of_attack, "adv"), (of_evaluation, model.default_branch)):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(losses(model, images, labels, NormMode(branch)))
        exact = tf.reduce_sum(tape.gradient(total, images)).numpy()
        np.testing.assert_allclose(trial.make("float32")(images, labels), exact, rtol=1e-3)
        fast = trial.make("bfloat16")(images, labels).numpy()
        assert fast != pytest.approx(exact, rel=1e-6) and fast == pytest.approx(exact, rel=0.5)


def test_the_training_s_call_is_a_gradient_by_the_weights_of_every_kind(trainer, batch):
    model, (images, labels) = trainer.model, batch
    call = trials.training_trial(trainer.plan, model, 4).make("float32")
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        modes = (NormMode("clean", "batch"), NormMode("adv", "batch"))
        total = tf.add_n([tf.reduce_sum(losses(model, images, labels, mode)) for mode in modes])
    exact = tf.add_n([tf.reduce_sum(one) for one in tape.gradient(total, weights)])
    np.testing.assert_allclose(call(images, labels), exact, rtol=1e-3)


def test_measuring_changes_and_draws_nothing(monkeypatch):
    monkeypatch.setattr(trials, "_SECONDS", 0.0)
    keras.utils.set_random_seed(3)
    expected = random.random(), np.random.random(), tf.random.uniform([]).numpy()
    policy = ("NormPolicy.attack_statistics = 'batch'", "NormPolicy.attack_update = True")
    trainer = mirrored(make_plan("mbn", *SMALL, *policy, "NormPolicy.across_replicas = 'sync'"))
    before, plan = values(trainer), trainer.plan
    keras.utils.set_random_seed(3)
    for trial in (
        trials.attack_trial(plan, trainer.model, 8),
        trials.training_trial(plan, trainer.model, 8),
    ):
        found = trial.measure()
        assert found.images == 8 and min(found.seconds.values()) > 0
    assert (random.random(), np.random.random(), tf.random.uniform([]).numpy()) == expected
    np.testing.assert_equal(values(trainer), before)


def test_what_was_measured_with_is_freed(monkeypatch, trainer):
    monkeypatch.setattr(trials, "_SECONDS", 0.0)
    trial, made = trials.evaluation_trial(trainer.model, 2), []

    def make(dtype):
        call = trial.make(dtype)
        made.append(weakref.ref(call))
        return call

    dataclasses.replace(trial, make=make).measure()
    assert [call() for call in made] == [None, None]


def test_calls_are_timed_in_turn_by_their_medians(monkeypatch):
    now, order = [0.0], []
    durations = {"a": iter([9, 9, 1, 2, 90, 3, 4]), "b": iter([5, 5, 5, 5, 5, 5, 5])}

    def call(name):
        order.append(name)
        now[0] += next(durations[name])

    monkeypatch.setattr(trials.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(trials, "_ROUNDS", (3, 5))
    monkeypatch.setattr(trials, "_SECONDS", 1000.0)
    calls = {name: lambda name=name: call(name) for name in "ab"}
    found = trials.medians(calls, lambda: now[0])
    assert found == {"a": 3, "b": 5}
    assert "".join(order) == "aabb" + "abba" * 2 + "ab"


def test_long_calls_are_timed_three_times(monkeypatch):
    now, count = [0.0], []

    def call():
        count.append(1)
        now[0] += 60

    monkeypatch.setattr(trials.time, "perf_counter", lambda: now[0])
    assert trials.medians({"a": call}, lambda: now[0]) == {"a": 60} and len(count) == 2 + 3


def test_a_large_network_is_measured_on_fewer_images(monkeypatch, trainer):
    model, asked = trainer.model, []
    monkeypatch.setattr(trials, "medians", lambda *calls: asked.append(calls) or {})
    operations = 3 * measure_forward(model)
    for of_a_call, images in ((operations * 100, 64), (operations * 20, 20), (1.0, 8)):
        monkeypatch.setattr(trials, "_OPERATIONS", of_a_call)
        assert trials.evaluation_trial(model, 64).measure().images == images
    assert trials.evaluation_trial(model, 2).measure().images == 2


def test_what_times_depend_on_is_in_what_they_are_kept_by(trainer):
    plan, model = trainer.plan, trainer.model
    trial = trials.attack_trial(plan, model, 8)
    about = trial.about()
    assert trials.attack_trial(plan, model, 8).about() == about
    batch = dataclasses.replace(plan.norm_policy, attack_statistics="batch")
    others = [
        trials.attack_trial(plan, model, 16),
        trials.attack_trial(dataclasses.replace(plan, norm_policy=batch), model, 8),
        trials.training_trial(plan, model, 8),
        trials.evaluation_trial(model, 9),
        dataclasses.replace(trial, size=16),
        dataclasses.replace(trial, jit_compile=True),
        trials.attack_trial(plan, one_device(make_plan("mbn", "ResNet.blocks = (2,)")).model, 8),
    ]
    every = [str(other.about()) for other in others]
    assert len({str(about), *every}) == len(every) + 1
