"""Processes that decode: few files wait before them, and their death is told."""

import multiprocessing

import pytest
from shared.image_files import encoded

from tfadv.errors import UserError
from tfadv.inspection.decoding import Task, look

DATA = encoded("RGB", "png")


def shares(count, taken):
    for number in range(count):
        taken.append(number)
        yield [Task(f"{number}.png", None, DATA)] * 2


def test_one_process_takes_a_share_when_it_is_asked_for_it():
    taken = []
    seen = look(shares(9, taken), 1)
    next(seen)
    assert taken == [0]
    assert len(list(seen)) == 8


@pytest.mark.slow
def test_few_shares_wait():
    taken = []
    seen = look(shares(40, taken), 2)
    for number in range(40):
        assert len(next(seen)) == 2
        assert len(taken) <= number + 6
    assert not list(seen)


@pytest.mark.slow
def test_a_process_that_is_killed_is_told():
    def killing():
        yield from shares(6, [])
        for process in multiprocessing.active_children():
            process.kill()
        yield from shares(30, [])

    with pytest.raises(UserError, match=r"killed, .* or by a file, perhaps one of the 2 from '\d"):
        list(look(killing(), 2))
