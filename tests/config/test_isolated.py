"""A configuration beside the caller's: nothing of either is seen by the other."""

import threading

import gin
import pytest

from tfadv import config
from tfadv.config.isolated import caller, isolated
from tfadv.errors import UserError

RECIPE = ("gin/mbn_alp.gin", "gin/scale/smoke.gin")


@gin.configurable(module="isolated")
def theirs(value=0):
    return value


def test_the_callers_bindings_come_back_whatever_happens_inside():
    gin.parse_config("theirs.value = 3\nscope/theirs.value = 4\ntheirs_macro = 5")
    before = gin.config_str()
    assert theirs() == 3
    used = gin.operative_config_str()
    with pytest.raises(UserError, match="no parameter 'stesp'"), isolated():
        assert gin.config_str() == ""
        config.read(RECIPE, ["PGD.stesp = 1"])
    with isolated():
        config.read(RECIPE)
        assert gin.query_parameter("PGD.steps") == 2
        assert gin.config_is_locked()
        with caller():
            assert theirs() == 3
            gin.bind_parameter("theirs.value", 6)
            assert theirs() == 6
        assert gin.query_parameter("PGD.steps") == 2
    assert not gin.config_is_locked()
    assert gin.config_str() == before.replace("theirs.value = 3", "theirs.value = 6")
    assert gin.operative_config_str() == used.replace("theirs.value = 3", "theirs.value = 6")


def test_one_in_another_puts_back_the_outer_one():
    with isolated():
        config.read(RECIPE)
        outer = gin.config_str()
        with isolated():
            config.read(["gin/clean.gin"])
        assert gin.config_str() == outer


def test_threads_take_turns():
    found, inside = [], threading.Event()

    def other():
        inside.wait()
        with isolated():
            found.append(gin.config_str())

    thread = threading.Thread(target=other)
    thread.start()
    with isolated():
        config.read(RECIPE)
        inside.set()
        thread.join(0.2)
        assert found == []
    thread.join()
    assert found == [""]
