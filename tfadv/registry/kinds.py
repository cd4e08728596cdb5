"""The kinds of parts that gin files choose by name."""

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from tfadv.errors import UserError, nearest
from tfadv.registry.bindings import (
    CONFIGURABLES,
    Part,
    bindings_of,
    check_scope,
    configurable,
    configured,
    default,
    is_replaced,
    scoped,
)

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_SCOPES = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*")


def unknown(kind: str, name: str, names: Iterable[str]) -> str:
    """Returns the line that refuses a name which no part of a kind has."""
    known = sorted(names)
    # Somebody may give a whole path, as keras.optimizers.AdamW.
    hint = nearest(str(name).rpartition(".")[2], known)
    return f"no {kind} is called {name!r}; there are {', '.join(known)}.{hint}"


class Registry:
    """A strict table from names to parts of one kind.

    Attributes:
        kind: of the parts, such as ``norm``.
        given: parameters that the run itself gives to each part, so that gin binds none of them.
        parts: by their names.
        papers: where they are from, by the same names.
    """

    def __init__(self, kind: str, given: tuple[str, ...] = ()):
        self.kind = kind
        self.given = given
        self.papers: dict[str, str] = {}
        self.parts: dict[str, Callable[..., Any]] = {}

    def register(self, name: str, paper: str = "") -> Callable[[Part], Part]:
        """Returns a decorator that adds a class or function under `name`.

        Args:
            name: what gin files call it.
            paper: where it is from: authors and year.

        Raises:
            UserError: the name is in use, or is none.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UserError(
                f"{self.kind} {name!r} can't be registered: a name is of letters, digits, _, - "
                "and ., and begins with a letter"
            )

        def add(part: Part) -> Part:
            old = self.parts.get(name, part)
            if old is not part and not is_replaced(old, part):
                raise UserError(
                    f"{self.kind} '{name}' is registered twice: by "
                    f"{old.__module__} and by {part.__module__}"
                )
            if self.given:
                part.unbindable = (*self.given, *getattr(part, "unbindable", ()))
            self.parts[name] = configurable(part)
            self.papers[name] = paper
            return part

        return add

    def names(self) -> tuple[str, ...]:
        """Returns the registered names in alphabetical order."""
        return tuple(sorted(self.parts))

    def get(self, name: str, parameter: str | None = None) -> Callable[..., Any]:
        """Returns the part called `name`.

        Args:
            name: a registered name.
            parameter: the gin parameter that chose it, for the error.

        Raises:
            UserError: no such name; the line lists the known and the nearest.
        """
        if name not in self.parts:
            raise UserError(unknown(self.kind, name, self.names()), parameter)
        return self.parts[name]

    def build(self, spec: str, parameter: str | None = None, **arguments: Any) -> Any:
        """Builds a part from its bindings.

        Args:
            spec: a name, or ``scope/name`` to apply the bindings of a gin scope
                as well, as in ``pgd100/pgd`` with ``pgd100/PGD.steps = 100``.
            parameter: the gin parameter that chose it, for the error.
            **arguments: constructor arguments, which take precedence over the bindings.

        Raises:
            UserError: there is no such part, its scope binds nothing for it, or a
                parameter is wrong.
        """
        scope, slash, name = str(spec).rpartition("/")
        part = self.get(name, parameter)
        if slash and not _SCOPES.fullmatch(scope):
            raise UserError(
                f"'{scope}' of {spec!r} is no scope: it is a word before the '/', such as "
                f"'mine/{name}'",
                parameter,
            )
        with scoped(scope) if scope else contextlib.nullcontext():
            if scope:
                check_scope(part, spec, parameter)
            return configured(part, **arguments)

    def bound(self, spec: str, parameter: str, or_default: bool = False) -> object:
        """Returns what gin binds for a parameter of a part, or lends it; None for nothing.

        Args:
            spec: see `build`.
            parameter: of the part.
            or_default: whether to return the default where nothing is bound.
        """
        scope, _, name = spec.rpartition("/")
        part = self.get(name)
        unset = default(f"{part.__name__}.{parameter}") if or_default else None
        with scoped(scope) if scope else contextlib.nullcontext():
            return bindings_of(part).get(parameter, unset)


NORMS = Registry("norm")
ATTACKS = Registry("attack")
STRATEGIES = Registry("strategy")
MODELS = Registry("model", given=("image_shape", "classes", "make_norm", "new_head"))
DATASETS = Registry("dataset")
AUGMENTATIONS = Registry("augmentation")
OPTIMIZERS = Registry("optimizer", given=("learning_rate",))
DECAYS = Registry("decay")
TRACKERS = Registry("tracker")
REGISTRIES = (
    *(NORMS, ATTACKS, STRATEGIES, MODELS, DATASETS, AUGMENTATIONS, OPTIMIZERS, DECAYS),
    TRACKERS,
)


def snapshot() -> list[dict[str, Any]]:
    """Returns what is registered now, for `restore`."""
    return [dict(table) for table in _tables()]


def restore(registered: list[dict[str, Any]]) -> None:
    """Forgets what was registered since a `snapshot`."""
    for table, old in zip(_tables(), registered, strict=True):
        table.clear()
        table.update(old)


def _tables() -> list[dict[str, Any]]:
    return [CONFIGURABLES, *(t for kind in REGISTRIES for t in (kind.parts, kind.papers))]
