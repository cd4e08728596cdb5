"""Norm statistics of averaged weights: what is measured is what the batches have."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import SMOKE, claimed, finish, make_plan, mirrored, one_device, values

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.checkpoints import Checkpoints, read_model
from tfadv.training.average_statistics import measure_average
from tfadv.training.session import Session

SWA = ("Training.epochs = 3", "Training.average_from_epoch = 1", "Evaluation.attacks = ()")


def by_hand(trainer, count):
    """Returns the mean batch statistics of each norm over batches, the averages in place."""
    step, total = trainer.train_step, {}
    phase = dataclasses.replace(step.phase(0), late=False)
    with trainer.average.in_place():
        of_batch = tf.function(
            lambda batch: step.without_update(batch, phase).statistics, autograph=False
        )
        batches = iter(trainer.batches(trainer.step))
        for _ in range(count):
            for path, ((mean, variance),) in of_batch(next(batches)).items():
                for name, moment in (("moving_mean", mean), ("moving_variance", variance)):
                    total.setdefault(f"{path}/{name}", []).append(np.float64(moment))
    return {path: np.mean(moments, 0) for path, moments in total.items()}


def averages(trainer):
    return {path: np.array(value) for path, value in trainer.average.by_path().items()}


@pytest.mark.usefixtures("op_by_op")
def test_each_branch_has_the_statistics_of_its_images_under_the_average():
    trainer = one_device(make_plan("mbn", *SWA, "Training.steps_per_call = 1"))
    ends = [values(trainer) for metrics in trainer.steps() if metrics["epoch"] in (2, 3)]
    before, expected = averages(trainer), by_hand(trainer, 2)
    for path, mean in before.items():
        kept = [end[path] for end in ends]
        np.testing.assert_allclose(mean, np.mean(kept, 0), atol=1e-6)
    assert measure_average(trainer)
    after = averages(trainer)
    statistics = {path for path in after if "moving_" in path}
    assert statistics == set(expected)
    for path, value in after.items():
        wanted = expected.get(path, before[path])
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)
    branches = [after[path] for path in sorted(statistics) if "stem" in path and "mean" in path]
    assert len(branches) == 2 and np.abs(branches[0] - branches[1]).max() > 1e-3
    assert measure_average(trainer)  # nothing is done twice
    np.testing.assert_equal(averages(trainer), after)


@pytest.mark.slow
def test_the_average_is_evaluated_saved_and_loaded_as_it_was_measured(tmp_path):
    directory = claimed(tmp_path / "run")
    trainer = one_device(make_plan("mbn", *SWA))
    session = Session(trainer)
    record = session.run(directory)
    found = averages(trainer)
    saved = read_model(directory.checkpoints_path, "average", directory.bound_to())
    np.testing.assert_equal(saved, found)
    assert record["weight_average"]["from_epoch"] == 1
    config.read(["gin/mbn.gin", SMOKE], SWA)
    run = trained_run.load(directory.path, build_plan(), weights="average")
    np.testing.assert_equal({v.path: np.array(v) for v in run.model.variables}, found)
    again = one_device(make_plan("mbn", *SWA))
    assert Session(again).run(directory) == record  # restored, and not measured once more


@pytest.mark.usefixtures("op_by_op")
def test_an_average_that_is_not_measured_yet_is_not_read(tmp_path):
    trainer = one_device(make_plan("mbn", *SWA))
    next(trainer.steps())
    Checkpoints(tmp_path, trainer.model, trainer.optimizer, trainer.average).save()
    with pytest.raises(UserError, match="measured when its run is evaluated, and step 2 is not"):
        read_model(tmp_path, "average")
    assert read_model(tmp_path)


@pytest.mark.slow
def test_two_replicas_measure_what_one_device_does():
    bindings = (*SWA, "NormPolicy.ghost_batch_size = 4", "Training.micro_batch_size = 4")
    single, double = (make(make_plan("mbn_alp", *bindings)) for make in (one_device, mirrored))
    for trainer in (single, double):
        finish(trainer)
        measure_average(trainer)
    for path, value in averages(single).items():
        np.testing.assert_allclose(averages(double)[path], value, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["Training.average_from_epoch = 1"], "be one of the epochs, 0..0, got 1"),
        (["Training.average_from_epoch = 0", "Training.average_decay = 0.9"], "be None beside"),
        (["Training.average_statistics_batches = 4"], "be of a run that keeps an average"),
    ],
)
def test_what_cannot_be_averaged_is_refused(bindings, message):
    with pytest.raises(UserError, match=message):
        make_plan("mbn", *bindings)


def test_a_moving_average_keeps_its_statistics_unless_asked():
    plain, asked = (
        make_plan("mbn", "Training.average_decay = 0.9", *more)
        for more in ((), ("Training.average_statistics_batches = 3",))
    )
    assert (plain.batches_for_average, asked.batches_for_average) == (0, 3)
    assert one_device(plain).average.measured_at is None
