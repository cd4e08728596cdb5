"""Registries are strict about names and parameters."""

from collections.abc import Sequence

import pytest

from tfadv.errors import UserError
from tfadv.registry import Registry
from tfadv.registry.annotations import fits, is_moderate


def test_a_name_is_registered_once():
    registry = Registry("norm")

    @registry.register("mine")
    def first_test_part(a: int = 1):
        return a

    with pytest.raises(UserError, match="norm 'mine' is registered twice"):

        @registry.register("mine")
        def second_test_part():
            return None

    with pytest.raises(UserError, match=r"takes \*\*kwargs"):

        @registry.register("other")
        def third_test_part(**anything):
            return anything


@pytest.mark.parametrize("name", ["", "a/b", " ", "a b", "a\nb", "1st", "[b]", 5, None])
def test_a_name_is_a_word(name):
    with pytest.raises(UserError, match="norm .* can't be registered: a name is of letters"):
        Registry("norm").register(name)


@pytest.mark.parametrize("spec", ["/mine", "a//mine", "a b/mine", "1/mine", "a-b/mine"])
def test_a_scope_is_a_word(spec):
    registry = Registry("norm")
    registry.parts["mine"] = dict
    with pytest.raises(UserError, match="is no scope"):
        registry.build(spec)


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ((1, 2), Sequence[int], True),
        ([1, 2], tuple[int, ...], True),
        ((1, 2.5), Sequence[int], False),
        ((1, 2.5), Sequence[float], True),
        ((), tuple[str, ...], True),
        (("a", 1), tuple[str, ...], False),
        ((1.0, 2.0), tuple[float, float], True),
        ((1.0,), tuple[float, float], False),
        ((1, True), list[int], False),
        ((1, "a"), tuple, True),
        (((1, 2), (3, "a")), Sequence[Sequence[int]], False),
        (3.0, float | Sequence[float], True),
        (("a",), float | Sequence[float], False),
    ],
)
def test_what_a_tuple_holds_is_of_its_type(value, annotation, expected):
    assert fits(value, annotation) == expected


def test_numbers_are_finite_and_fit_into_32_bits():
    for value in (0, -5, 2**31 - 1, 3.4e38, (1, (2.5, "a")), "inf", None, True):
        assert is_moderate(value), value
    for value in (float("inf"), -float("inf"), float("nan"), 2**31, 1e39, (1, (float("inf"),))):
        assert not is_moderate(value), value
