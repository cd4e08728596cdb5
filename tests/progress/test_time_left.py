"""The time that is left: without traces and pauses, against a clock that is set by hand."""

import pytest

from tfadv.progress import TimeLeft, duration


class Clock:
    """Tells the time that it is set to."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def after(left, clock, seconds, done):
    clock.now += seconds
    left.update(done)
    return left.seconds()


def test_the_traced_call_is_left_out(clock):
    left = TimeLeft(100, 40, clock=clock)
    assert after(left, clock, 60, 50) is None
    assert after(left, clock, 2, 60) == pytest.approx(8)
    assert after(left, clock, 2, 70) == pytest.approx(6)


def test_a_trace_on_the_way_counts_once_and_not_for_the_rest(clock):
    left = TimeLeft(1000, clock=clock)
    for done in range(10, 101, 10):
        after(left, clock, 1, done)
    assert after(left, clock, 40, 110) == pytest.approx(89)
    assert after(left, clock, 1, 120) == pytest.approx(88)


def test_a_machine_that_slows_down_is_believed_by_and_by(clock):
    left = TimeLeft(100_000, clock=clock)
    for done in range(10, 1001, 10):
        after(left, clock, 1, done)
    for done in range(1010, 3001, 10):
        found = after(left, clock, 2, done)
    assert found == pytest.approx(97_000 * 0.2)


def test_pauses_are_measured_apart_and_those_to_come_are_counted(clock):
    left = TimeLeft(100, pauses=3, clock=clock)
    for done in (10, 20):
        after(left, clock, 5, done)
    assert left.seconds() == pytest.approx(40)  # nothing tells yet how long a pause takes
    with left.paused():
        clock.now += 30
    assert after(left, clock, 5, 30) == pytest.approx(35 + 2 * 30)


def test_work_that_is_done_has_nothing_left(clock):
    left = TimeLeft(20, clock=clock)
    assert [after(left, clock, 1, done) for done in (10, 20)] == [None, 0]
    assert TimeLeft(0).seconds() is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 0 s"),
        (7810, "2 h 10 min"),
        (200_000, "2 d 7 h"),
        (-3, "0 s"),
    ],
)
def test_a_duration_has_two_units(seconds, text):
    assert duration(seconds) == text
