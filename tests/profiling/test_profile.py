"""Profiles of a function of one convolution."""

import json

import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.profiling import operations, record
from tfadv.profiling.profile import RECORD, Asked, Profile, check_left


@pytest.fixture
def shown():
    """Returns what profiles have shown."""
    return []


@pytest.fixture
def profile(tmp_path, shown, monkeypatch):
    """Returns what makes a profile of some steps; a product takes a second of 2e9 operations."""
    monkeypatch.setattr(record, "matrix_product_rate", lambda dtype, devices: 2e9 * devices)

    def made(steps, **how):
        asked = Asked(steps, tmp_path / "profile", lambda *found: shown.append(found))
        return Profile(asked, lambda work: {"float32": 1e6 * work}, **how)

    return made


@tf.function(autograph=False)
def convolved(images):
    return tf.nn.conv2d(images, tf.ones((3, 3, 8, 8)), 1, "SAME")


def calls(profile, count, most=1):
    """Makes calls of up to `most` steps; returns how many steps each one did."""
    done = []
    with profile:
        for _ in range(count):
            with profile.call("a function", most) as call:
                for _ in range(call.steps):
                    convolved(tf.ones((4, 32, 32, 8))).numpy()
                call.work = call.steps
            done.append(call.steps)
    return done


def test_a_trace_and_a_table_are_written(profile, shown, tmp_path):
    assert calls(profile(3, devices=2), 4, most=2) == [1, 2, 1, 2]
    ((found, folder),) = shown
    assert folder == tmp_path / "profile" / "1"
    assert len(list(folder.glob("plugins/profile/*/*.xplane.pb"))) == 1
    written = json.loads((folder / RECORD).read_text())
    assert {key: written[key] for key in found} == found
    assert found["steps"] == 3 and found["seconds"] > 0
    assert list(found["shares"]) == list(operations.KINDS)
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert found["shares"][operations.FORWARD] > 0
    assert "Conv2D" in [row["operation"] for row in found["largest"]]
    assert found["flops"] == {"float32": 3e6}
    assert found["flops_per_second"] == pytest.approx(3e6 / found["seconds"])
    assert found["share_of_peak"] == pytest.approx(3e6 / 4e9 / found["seconds"])


def test_earlier_profiles_stay_and_fewer_steps_are_kept(profile, shown):
    for _ in range(2):
        calls(profile(9), 3)
    assert [(found["steps"], folder.name) for found, folder in shown] == [(2, "1"), (2, "2")]


def test_a_failure_leaves_no_profile(profile, shown, tmp_path):
    failing = profile(9)
    with pytest.raises(ZeroDivisionError), failing:
        calls(failing, 0)
        for _ in range(2):
            with failing.call("a function"):
                pass
        raise ZeroDivisionError
    assert not shown and not list((tmp_path / "profile").iterdir())


def test_each_function_is_left_out_once(profile, shown, capsys):
    with profile(2) as several:
        for name in "ab":
            with several.call(name):
                pass
    assert not shown and "nothing was profiled" in capsys.readouterr().err


def test_other_workers_make_the_same_calls(profile, shown):
    assert calls(profile(3, writes=False), 4, most=2) == [1, 2, 1, 2] and not shown


def test_too_few_steps_are_refused():
    check_left(4, 5)
    with pytest.raises(UserError, match="--profile=5: the run has 5 .* at most 4 can be"):
        check_left(5, 5)
