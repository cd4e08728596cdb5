"""Values by epoch: between points, bound by gin, taken by evaluations at their end."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import config
from tfadv.attacks.pgd import PGD
from tfadv.config.evaluation_settings import Checkup, build_attack
from tfadv.config.training_settings import Training
from tfadv.errors import UserError
from tfadv.registry import EVALUATION_SCOPE, Schedule, configured, scoped

POINTS = ((1, 2.0), (4, 8.0), (5, 3.0))
FILES = ("gin/mbn.gin", "gin/scale/smoke.gin")
WARM = ("PGD.epsilon = @warm/Schedule()", "warm/Schedule.points = ((0, 0.0), (4, 12.0))")


def test_lines_run_between_the_points():
    found = [Schedule(POINTS).value(epoch) for epoch in np.arange(0, 7, 0.25)]
    expected = np.interp(np.arange(0, 7, 0.25), *zip(*POINTS, strict=True))
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_a_step_holds_until_the_next_point():
    steps = Schedule(((0, 1.0), (0.3, 5.0), (2, 3.0)), "step")
    found = [steps.at(tf.constant(e / 10, tf.float32)).numpy() for e in (0, 2, 3, 19, 20, 99)]
    assert found == [1, 1, 5, 5, 3, 3]


def test_whole_numbers_are_rounded_down_and_one_point_is_a_constant():
    whole = Schedule(((0, 1), (10, 11))).whole()
    assert [whole.value(epoch) for epoch in range(12)] == [*range(1, 12), 11]
    assert whole.value(2.9) == 3 and whole.at(tf.constant(0.5)).dtype == tf.int32
    assert Schedule(((3, 7.0),)).value(0) == Schedule(((3, 7.0),)).value(9) == 7


def test_it_is_checked_and_scaled_as_a_number():
    schedule = Schedule(POINTS)
    assert schedule >= 2 and not schedule > 2 and schedule <= 8 and not schedule < 8
    assert 0 <= schedule <= 9 and not 0 <= schedule <= 7
    assert (2 * schedule).points == (schedule * 2).points == ((1, 4.0), (4, 16.0), (5, 6.0))
    assert (schedule / 2).values == (1.0, 4.0, 1.5)
    assert str(schedule) == (
        "2 at first, 2 at epoch 1, 8 at epoch 4, 3 at epoch 5, 3 to the end (linear between)"
    )


@pytest.mark.parametrize(
    "points", [(), 3.0, ((0, 1.0), 2.0), ((0, "8"),), ((0, float("nan")),), ((0, True),)]
)
def test_what_is_no_pairs_is_refused(points):
    with pytest.raises(UserError, match=r"^Schedule.points must be pairs"):
        Schedule(points)


@pytest.mark.parametrize("epochs", [(2, 1), (1, 1), (-1, 3)])
def test_epochs_that_do_not_rise_are_refused(epochs):
    with pytest.raises(UserError, match=r"^Schedule.points must have epochs >= 0 that rise"):
        Schedule([(epoch, 1.0) for epoch in epochs])


def test_evaluation_takes_the_end_and_training_the_schedule():
    config.read(FILES, WARM)
    attack = build_attack("pgd", "Experiment.attack")
    assert attack.epsilon == attack.threat_model.epsilon == 12.0
    assert attack.schedules["epsilon"].points == ((0, 0.0), (4, 12.0))
    with scoped(EVALUATION_SCOPE):
        measured = build_attack("pgd", "Evaluation.attacks")
        assert measured.epsilon == configured(Checkup).epsilon == 12.0
        assert build_attack("square", "Evaluation.attacks").epsilon == 12.0
    assert not measured.schedules


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["eval/PGD.epsilon = @warm/Schedule()"], "eval/PGD.epsilon is a schedule, and an eval"),
        (["warm/Schedule.points = ((0, -1.0), (4, 12.0))"], "PGD.epsilon must be >= 0"),
        (["warm/Schedule.points = ()"], "Schedule.points must be pairs"),
        (["warm/Schedule.interpolation = 'linaer'"], "Did you mean 'linear'?"),
    ],
)
def test_a_wrong_schedule_is_one_line(bindings, message):
    config.read(FILES, [*WARM, *bindings])
    with pytest.raises(UserError) as found:
        build_attack("pgd", "Experiment.attack")
        with scoped(EVALUATION_SCOPE):
            build_attack("pgd", "Evaluation.attacks")
    assert message in found.value.message and "\n" not in found.value.message


def test_a_parameter_that_has_no_schedule_says_its_type():
    config.read(FILES, ["Training.epochs = @warm/Schedule()", WARM[1]])
    with pytest.raises(UserError, match=r"Training.epochs must be of type int, got Schedule"):
        configured(Training)
    config.read(FILES, WARM)
    with pytest.raises(UserError, match=r"Square.epsilon must be of type float, got Schedule"):
        build_attack("square", "Experiment.attack")
    config.read(FILES, ["PGD.epsilon = 'large'"])
    with pytest.raises(UserError, match=r"PGD.epsilon must be of type float \| Schedule, got"):
        configured(PGD)


def test_a_scope_that_nothing_refers_to_is_refused():
    with pytest.raises(UserError, match="nothing is built in the scope 'wram'"):
        config.read(FILES, [WARM[0], "wram/Schedule.points = ((0, 1.0),)", WARM[1]])
