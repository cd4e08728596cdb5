"""The checks of a registered part, each a call that raises where the part is at fault."""

import dataclasses
import functools
import unittest
from collections.abc import Callable
from typing import Any

from tfadv.errors import check_choice
from tfadv.models.functional.building import build_network
from tfadv.registry import ATTACKS, MODELS, REGISTRIES, unbound
from tfadv.testing import (
    attack_checks,
    augmentation_checks,
    dataset_checks,
    decay_checks,
    model_branch_checks,
    model_checks,
    norm_checks,
    norm_device_checks,
    optimizer_checks,
    strategy_checks,
    tracker_checks,
)
from tfadv.testing.faults import ConformanceError
from tfadv.testing.replicas import two_cpus

__all__ = ["KINDS", "Check", "ConformanceError", "checks", "two_cpus"]

# The registries by kind, and the checks of their parts in their order.
KINDS = {kind.kind: kind for kind in REGISTRIES}
_CHECKS: dict[str, tuple[Callable[[Callable[..., Any]], None], ...]] = {
    "norm": norm_checks.CHECKS + norm_device_checks.CHECKS,
    "attack": attack_checks.CHECKS,
    "strategy": strategy_checks.CHECKS,
    "model": model_checks.CHECKS + model_branch_checks.CHECKS,
    "dataset": dataset_checks.CHECKS,
    "augmentation": augmentation_checks.CHECKS,
    "optimizer": optimizer_checks.CHECKS,
    "decay": decay_checks.CHECKS,
    "tracker": tracker_checks.CHECKS,
}
# What an attack is built with where gin binds nothing.
SIZES = {"epsilon": 8.0, "steps": 4, "step_size": 3.0, "queries": 60, "classes": 2}


@dataclasses.dataclass(frozen=True)
class Check:
    """One property of one part; a call proves it.

    Attributes:
        part: the part's kind and name.
        title: the property.
        run: raises `ConformanceError`, or whatever the part raises, where it doesn't hold,
            and `unittest.SkipTest` where it can't be decided.
    """

    part: str
    title: str
    run: Callable[[], None]

    def __call__(self) -> None:
        """Proves the property."""
        self.run()

    def __str__(self) -> str:
        return f"{self.part}: {self.title}"


def checks(kind: str, name: str, **arguments: Any) -> list[Check]:
    """Returns the checks of a registered part.

    Args:
        kind: of a registry, such as ``norm``.
        name: its registered name.
        **arguments: of its constructor. Others come from gin's bindings, an
            attack's sizes else from `SIZES`, or are their defaults.

    Raises:
        UserError: no such part.
    """
    part = KINDS[kind].get(name)
    make = functools.partial(_build, kind, name, **arguments)
    return [
        Check(f"{kind} {name}", _title(check), functools.partial(_run, check, make))
        for check in _CHECKS[kind]
        if part
    ]


def _title(check: Callable) -> str:
    return check.__name__.replace("_", " ")


def _run(check: Callable, make: Callable[..., Any]) -> None:
    """Proves a property, unless the part says why it need not have it."""
    if check in strategy_checks.CHECKS:
        unchecked, known = make().unchecked, [_title(one) for one in strategy_checks.CHECKS]
        for title in unchecked:
            check_choice("`unchecked`", title, known)
        if reason := unchecked.get(_title(check)):
            raise unittest.SkipTest(reason)
    check(make)


def _build(kind: str, part: str, /, **arguments: Any) -> Any:
    if kind == MODELS.kind:
        return build_network(part, **arguments)
    free = unbound(KINDS[kind].get(part)) if kind == ATTACKS.kind else ()
    sizes = {name: SIZES[name] for name in free if name in SIZES}
    return KINDS[kind].build(part, **sizes | arguments)
