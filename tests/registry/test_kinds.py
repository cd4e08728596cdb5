"""Registries are strict about names and parameters."""

import pytest

from tfadv.errors import UserError
from tfadv.registry import Registry


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
