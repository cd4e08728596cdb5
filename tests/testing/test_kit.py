"""The conformance kit: all that is registered passes, and what is broken is named."""

import pytest
from shared.project import WORKED_PLUGINS

from tfadv import config, testing
from tfadv.config import plugin_modules

BROKEN = "shared.broken_plugins"
config.with_plugins(WORKED_PLUGINS)
CHECKS = [
    check
    for kind, registry in testing.KINDS.items()
    for name in registry.names()
    if registry.get(name).__module__ != BROKEN
    for check in testing.checks(kind, name)
]
# Half a minute; each of its stages is checked by itself.
SLOW = {
    "attack autoattack: treats each image alone",
    "attack autoattack: is deterministic by its seeds",
    "attack autoattack: has no python state",
    "attack autoattack: compiles with xla",
}


@pytest.mark.parametrize(
    "check",
    [pytest.param(c, marks=pytest.mark.slow if str(c) in SLOW else ()) for c in CHECKS],
    ids=str,
)
def test_every_part_conforms(check):
    check()


def test_the_kit_sees_the_built_in_parts_and_the_plugins():
    parts = {check.part for check in CHECKS}
    assert {"norm batch_norm", "attack pgd", "strategy adversarial"} <= parts
    assert {"norm evonorm_s0", "attack mi_fgsm", "strategy trades"} <= parts
    assert len(parts) >= 15


@pytest.fixture
def broken(forget_plugins):
    plugin_modules.load(BROKEN, "the test")
    from shared.broken_plugins import FAULTS

    return FAULTS


def test_every_broken_plugin_is_caught_with_its_fault_named(broken):
    for part, (title, message) in broken.items():
        kind, name = part.split()
        (check,) = (c for c in testing.checks(kind, name) if c.title == title)
        with pytest.raises(testing.ConformanceError, match=message):
            check()


def test_a_part_without_sizes_takes_small_ones():
    (check,) = (c for c in testing.checks("attack", "pgd", steps=2) if "ball" in c.title)
    check()
    with pytest.raises(ValueError, match="no attack is called 'pdg'.*Did you mean 'pgd'"):
        testing.checks("attack", "pdg")
