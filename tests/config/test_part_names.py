"""Names of parts and parameters as the source tells them, beside those that are registered."""

import inspect

import pytest

from tfadv import registry
from tfadv.config import part_names, plugin_modules
from tfadv.errors import UserError
from tfadv.registry import OPTIMIZERS

OURS = "tfadv."


def registered():
    """Returns what is registered of the package's own, its parameters by its name."""
    made = {name for name in OPTIMIZERS.names() if getattr(OPTIMIZERS.get(name), "gives_way", 0)}
    parts = registry.bindings.CONFIGURABLES.items()
    # A constructor that is inherited is not in the class's own source.
    made |= {n for n, part in parts if isinstance(part, type) and "__init__" not in vars(part)}
    ours = {name for name, part in parts if inspect.unwrap(part).__module__.startswith(OURS)}
    return {n: None if n in made else ps for n, ps in registry.configurables().items() if n in ours}


def test_the_source_tells_what_is_registered():
    """Were it to miss something, a right name would be refused."""
    source = part_names.of_source()
    known = source.parameters | {"Schedule": registry.configurables()["Schedule"]}
    assert known == registered()
    assert sum(names is not None for names in known.values()) > 50
    for kind in registry.REGISTRIES:
        ours = {n for n in kind.names() if kind.get(n).__module__.startswith(OURS)}
        assert source.names[kind.kind] == ours


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
