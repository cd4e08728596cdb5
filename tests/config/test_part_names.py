"""Names of parts and parameters as the source tells them, beside those that are registered."""

import inspect

import pytest

from tfadv import registry
from tfadv.config import part_names, plugin_modules
from tfadv.errors import UserError

OURS = "tfadv."


def registered():
    """Returns what is registered of the package's own, its parameters by its name."""
    parts = registry.bindings.CONFIGURABLES.items()
    ours = {name for name, part in parts if inspect.unwrap(part).__module__.startswith(OURS)}
    return {name: names for name, names in registry.configurables().items() if name in ours}


def test_the_source_tells_what_is_registered():
    """Were it to miss something, a right name would be refused."""
    known = part_names.of_source() | {"Schedule": registry.configurables()["Schedule"]}
    told = {name: names for name, names in known.items() if names is not None}
    assert known.keys() == registered().keys() and len(told) > 50
    assert told == {name: names for name, names in registered().items() if name in told}


@pytest.mark.parametrize(
    ("selector", "parameter", "message"),
    [
        ("PDG", "steps", "here: nothing is called 'PDG'. Did you mean 'PGD'?"),
        ("tfadv.PGD", "step", "here: PGD has no parameter 'step'; it has steps, loss. Did you m"),
        ("Bare", "x", "here: Bare has no parameter 'x'; it has none."),
    ],
)
def test_unknown_names_are_refused(selector, parameter, message):
    plugin_modules.mount([], [])
    known = {"PGD": ("steps", "loss"), "Bare": ()}
    with pytest.raises(UserError) as refused:
        part_names.check(known, selector, parameter, "here")
    assert str(refused.value).startswith(message)


def test_parameters_that_are_not_known_are_let_through():
    part_names.check({"AdamW": None}, "AdamW", "anything", "here")
    part_names.check({"PGD": ("steps",)}, "PGD", None, "here")
