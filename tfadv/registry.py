"""The extension points: named parts that gin files choose and configure.

A part joins a registry with a decorator and is then known by its short name
(``Experiment.norm = 'group_norm'``) while its constructor's parameters are
bound by its Python name (``GroupNorm.groups = 32``)::

    @NORMS.register("group_norm")
    class GroupNorm(Norm):
        ...

A class takes the bindings of its base classes where it has none of its own: an
attack that derives from PGD takes ``PGD.epsilon``. Python code that calls a
registered class directly is not touched by gin.
"""

import contextlib
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import gin

from tfadv.errors import UserError, check, nearest

T = TypeVar("T", bound=Callable[..., Any])

if not hasattr(gin, "configurable"):
    raise ImportError("gin-config is not installed: pip install gin-config")

_CONFIGURABLES: dict[str, Callable[..., Any]] = {}


def configurable(part: T) -> T:
    """Lets gin bind the parameters of a class or function, unchanged itself.

    Raises:
        UserError: another part has this Python name, or the part takes
            ``**kwargs``, in which misspelt parameters would vanish.
    """
    name = part.__name__
    if name in _CONFIGURABLES and not _written_again(_CONFIGURABLES[name], part):
        other = _CONFIGURABLES[name]
        raise UserError(f"the name '{name}' of {part.__module__} is taken by {other.__module__}")
    if any(p.kind is p.VAR_KEYWORD for p in _parameters(part).values()):
        raise UserError(f"{part.__module__}.{name} takes **kwargs: name its parameters instead")
    _CONFIGURABLES[name] = part
    with gin.config.interactive_mode():  # the check above is ours
        return gin.register(part, module="tfadv")


def _written_again(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    """Returns whether a notebook's cell defines the same part once more."""
    return old.__module__ == new.__module__ == "__main__" and old.__name__ == new.__name__


def configured(part: Callable[..., Any], **arguments: Any) -> Any:
    """Calls `part` with its gin bindings; `arguments` go before them.

    Raises:
        UserError: a parameter without a default is neither bound nor given, or
            a bound value is not of its annotated type.
    """
    own = gin.get_bindings(part)
    inherited = {k: v for k, v in _inherited_bindings(part).items() if k not in own}
    bound = inherited | own
    for name, parameter in _parameters(part).items():
        full_name = f"{part.__name__}.{name}"
        if name in bound:
            wanted = parameter.annotation
            kind = wanted.__name__ if isinstance(wanted, type) else str(wanted)
            check(_fits(bound[name], wanted), full_name, f"be of type {kind}", bound[name])
        elif parameter.default is parameter.empty and name not in arguments:
            raise UserError(f"{full_name} is not set: bind it in a gin file (a scale usually does)")
    try:
        return gin.get_configurable(part)(**inherited | arguments)
    except UserError as error:  # gin has added lines of its own to the message
        raise UserError(error.message, error.parameter) from None


def _inherited_bindings(part: Callable[..., Any]) -> dict[str, Any]:
    """Returns what is bound for the base classes of `part` and is a parameter of it too.

    A class attribute ``borrows`` names parameters of other parts, as
    ``PGD.epsilon``, whose bindings hold where no base class has one.
    """
    bound = {}
    for owner, _, name in (full.partition(".") for full in getattr(part, "borrows", ())):
        theirs = gin.get_bindings(_CONFIGURABLES[owner]) if owner in _CONFIGURABLES else {}
        bound |= {name: theirs[name]} if name in theirs else {}
    bases = [base for base in getattr(part, "__mro__", ())[1:] if base.__name__ in _CONFIGURABLES]
    bound |= {name: v for base in reversed(bases) for name, v in gin.get_bindings(base).items()}
    return {name: value for name, value in bound.items() if name in _parameters(part)}


def configurables() -> dict[str, tuple[str, ...]]:
    """Returns every configurable name with the names of its parameters."""
    return {name: tuple(_parameters(part)) for name, part in _CONFIGURABLES.items()}


def unbound(part: Callable[..., Any]) -> list[str]:
    """Returns the parameters that have no binding in this scope."""
    bound = _inherited_bindings(part) | gin.get_bindings(part)
    return [name for name in _parameters(part) if name not in bound]


def described_parameters(part: Callable[..., Any]) -> list[str]:
    """Returns a line such as ``PGD.step_size = 1.0`` for each of a part's parameters."""
    return [
        f"{part.__name__}.{name}"
        + ("" if parameter.default is parameter.empty else f" = {parameter.default!r}")
        for name, parameter in _parameters(part).items()
    ]


def default(full_name: str) -> Any:
    """Returns the default of ``Name.parameter``, None where it has none."""
    name, _, parameter = full_name.rpartition("/")[2].partition(".")
    value = _parameters(_CONFIGURABLES[name])[parameter].default
    return None if value is inspect.Parameter.empty else value


def scoped(scope: str):
    """Returns a context in which `configured` also applies ``scope/…`` bindings."""
    return gin.config_scope(scope)


def snapshot() -> list[dict[str, Any]]:
    """Returns what is registered now, for `restore`."""
    return [dict(table) for table in _tables()]


def restore(registered: list[dict[str, Any]]) -> None:
    """Forgets what was registered since a `snapshot`."""
    for table, old in zip(_tables(), registered, strict=True):
        table.clear()
        table.update(old)


def _tables() -> list[dict[str, Any]]:
    return [_CONFIGURABLES, *(t for kind in REGISTRIES for t in (kind.parts, kind.papers))]


def _parameters(part: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(part).parameters)


def _fits(value: Any, annotation: Any) -> bool:
    """Returns whether a value fits a simple annotation; others accept anything."""
    if isinstance(annotation, types.UnionType):
        return any(_fits(value, choice) for choice in typing.get_args(annotation))
    if typing.get_origin(annotation) in (tuple, list, Sequence):
        return isinstance(value, tuple | list)
    if annotation in (int, float):
        allowed = int if annotation is int else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool)
    return isinstance(value, annotation) if annotation in (str, bool, types.NoneType) else True


class Registry:
    """A strict table from names to parts of one kind.

    Attributes:
        kind: of the parts, such as ``norm``.
        parts: by their names.
        papers: where they are from, by the same names.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self.papers: dict[str, str] = {}
        self.parts: dict[str, Callable[..., Any]] = {}

    def register(self, name: str, paper: str = "") -> Callable[[T], T]:
        """Returns a decorator that adds a class or function under `name`.

        Args:
            name: what gin files call it.
            paper: where it is from: authors and year.

        Raises:
            UserError: the name is in use.
        """

        def add(part: T) -> T:
            old = self.parts.get(name, part)
            if old is not part and not _written_again(old, part):
                raise UserError(
                    f"{self.kind} '{name}' is registered twice: by "
                    f"{old.__module__} and by {part.__module__}"
                )
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
            raise UserError(
                f"no {self.kind} is called {name!r}; there are {', '.join(self.names())}."
                + nearest(str(name), self.names()),
                parameter,
            )
        return self.parts[name]

    def build(self, spec: str, parameter: str | None = None, **arguments: Any) -> Any:
        """Builds a part from its bindings.

        Args:
            spec: a name, or ``scope/name`` to apply the bindings of a gin scope
                as well, as in ``pgd100/pgd`` with ``pgd100/PGD.steps = 100``.
            parameter: the gin parameter that chose it, for the error.
            **arguments: constructor arguments that win over the bindings.
        """
        scope, _, name = str(spec).rpartition("/")
        part = self.get(name, parameter)
        with scoped(scope) if scope else contextlib.nullcontext():
            return configured(part, **arguments)


# The gin scope in which evaluation builds its attacks.
EVALUATION_SCOPE = "eval"

NORMS = Registry("norm")
ATTACKS = Registry("attack")
STRATEGIES = Registry("strategy")
MODELS = Registry("model")
DATASETS = Registry("dataset")
AUGMENTATIONS = Registry("augmentation")
OPTIMIZERS = Registry("optimizer")
DECAYS = Registry("decay")
REGISTRIES = (NORMS, ATTACKS, STRATEGIES, MODELS, DATASETS, AUGMENTATIONS, OPTIMIZERS, DECAYS)
