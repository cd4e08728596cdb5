"""What gin binds for a part: its own parameters, and those that it borrows of another.

A part has its own bindings and no other's, but for those that its class attribute
``borrows`` names: every attack takes ``PGD.epsilon`` unless its own is bound. Python
code that calls a registered class directly is not touched by gin.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gin

from tfadv.errors import UserError, check, nearest
from tfadv.registry.annotations import fits, is_moderate, title
from tfadv.registry.schedule import Schedule

Part = TypeVar("Part", bound=Callable[..., Any])

if not hasattr(gin, "configurable"):
    raise ImportError("gin-config is not installed: pip install gin-config")

# The gin scope in which evaluation builds its attacks.
EVALUATION_SCOPE = "eval"
CONFIGURABLES: dict[str, Callable[..., Any]] = {}
_BORROWED: dict[str, tuple[Any, str]] = {}


def configurable(part: Part) -> Part:
    """Lets gin bind the parameters of a class or function, unchanged itself.

    Those that its attribute ``unbindable`` names are for Python code alone.

    Raises:
        UserError: another part has this Python name and doesn't give way, or the part takes
            ``**kwargs``, in which misspelt parameters would vanish.
    """
    name = part.__name__
    if name in CONFIGURABLES and not is_replaced(CONFIGURABLES[name], part):
        other = CONFIGURABLES[name]
        raise UserError(f"the name '{name}' of {part.__module__} is taken by {other.__module__}")
    if any(p.kind is p.VAR_KEYWORD for p in _parameters(part).values()):
        raise UserError(f"{part.__module__}.{name} takes **kwargs: name its parameters instead")
    CONFIGURABLES[name] = part
    with gin.config.interactive_mode():  # the check above is ours
        return gin.register(part, module="tfadv")


def is_replaced(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    """Returns whether a part may take the place of another of its name.

    A notebook's cell may define it once more, and what others made ``gives_way``.
    """
    again = old.__module__ == new.__module__ == "__main__" and old.__name__ == new.__name__
    return again or getattr(old, "gives_way", False)


def configured(part: Callable[..., Any], **arguments: Any) -> Any:
    """Calls `part` with its gin bindings; `arguments` take precedence over them.

    Raises:
        UserError: a parameter without a default is neither bound nor given, a bound
            value is not of its annotated type, or the part lacks a method.
    """
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        raise UserError(f"{part.__module__}.{part.__name__} defines no {', '.join(missing)}")
    own = own_bindings(part)
    borrowed = {k: v for k, v in _borrowed_bindings(part).items() if k not in own}
    bound = {name: value for name, (value, _) in borrowed.items()} | own
    ends = _ends(part, bound)
    bound |= ends
    for name, parameter in _parameters(part).items():
        full_name = f"{part.__name__}.{name}"
        if name in bound:
            value, wanted = bound[name], parameter.annotation
            check(fits(value, wanted), full_name, f"be of type {title(wanted)}", value)
            check(is_moderate(value), full_name, "be finite and fit into 32 bits", value)
        elif parameter.default is parameter.empty and name not in arguments:
            raise UserError(f"{full_name} is not set: bind it in a gin file (a scale usually does)")
    try:
        built = gin.get_configurable(part)(
            **{name: value for name, (value, _) in borrowed.items()} | ends | arguments
        )
    except UserError as error:  # gin has added lines of its own to the message
        raise UserError(error.message, error.parameter) from None
    for name in borrowed.keys() - arguments.keys():
        value, source = borrowed[name]
        of_part = "/".join([*gin.current_scope(), f"{part.__name__}.{name}"])
        _BORROWED[of_part] = (ends.get(name, value), source)
    return built


def borrowed() -> dict[str, tuple[Any, str]]:
    """Returns what was borrowed since `forget`.

    Returns:
        By ``scope/Name.parameter``: the value, and the binding that lent it.
    """
    return dict(sorted(_BORROWED.items()))


def forget_borrowed() -> None:
    """Forgets what `borrowed` returns, for another configuration."""
    _BORROWED.clear()


def own_bindings(part: Callable[..., Any]) -> dict[str, Any]:
    """Returns the values bound for a part in this scope, macros and references resolved.

    Raises:
        UserError: one of them leads back to itself.
    """
    try:
        return gin.get_bindings(part)
    except UserError as error:  # of a reference's own constructor; gin has added lines
        raise UserError(error.message, error.parameter) from None
    except RecursionError:
        raise UserError(
            f"a macro or reference (%… or @…) in the bindings of {part.__name__} leads back to "
            "itself"
        ) from None


def bindings_of(part: Callable[..., Any]) -> dict[str, Any]:
    """Returns the values that a part is built with in this scope: lent ones and its own."""
    lent = {name: value for name, (value, _) in _borrowed_bindings(part).items()}
    return lent | own_bindings(part)


def _borrowed_bindings(part: Callable[..., Any]) -> dict[str, tuple[Any, str]]:
    """Returns the values that a part's ``borrows`` lends it in this scope, and their bindings."""
    found = {}
    for full_name in getattr(part, "borrows", ()):
        owner, _, name = full_name.partition(".")
        lender = CONFIGURABLES.get(owner)
        if lender in (None, part) or name not in _parameters(part):
            continue
        theirs = own_bindings(lender)
        if name in theirs:
            found[name] = (theirs[name], _binding(full_name))
    return found


def _ends(part: Callable[..., Any], bound: Mapping[str, Any]) -> dict[str, float]:
    """Returns what an evaluation takes of schedules: the end of each, a number of its own.

    Raises:
        UserError: one is bound for the evaluation itself, which has no epochs.
    """
    scheduled = [name for name, value in bound.items() if isinstance(value, Schedule)]
    if EVALUATION_SCOPE not in gin.current_scope():
        return {}
    for name in scheduled:
        names = [f"{part.__name__}.{name}", *getattr(part, "borrows", ())]
        of_it = [full_name for full_name in names if full_name.endswith(f".{name}")]
        binding = _binding(next(n for n in of_it if any(_binds(s, n) for s in _scopes_in_effect())))
        if EVALUATION_SCOPE in binding.split("/"):
            raise UserError(
                f"{binding} is a schedule, and an evaluation has no epochs: bind a number",
                binding,
            )
    return {name: bound[name].end for name in scheduled}


def _binding(full_name: str) -> str:
    """Returns the binding of ``Name.parameter`` that holds here, with its scope."""
    scope = next(s for s in reversed(_scopes_in_effect()) if _binds(s, full_name))
    return f"{scope}/{full_name}" if scope else full_name


def _scopes_in_effect() -> list[str]:
    """Returns the scopes whose bindings hold here, the outermost, "", first."""
    parts = gin.current_scope()
    return ["/".join(parts[:length]) for length in range(len(parts) + 1)]


def _binds(scope: str, full_name: str) -> bool:
    try:
        gin.query_parameter(f"{scope}/{full_name}" if scope else full_name)
    except ValueError:
        return False
    return True


def check_scope(part: Callable[..., Any], spec: str, parameter: str | None) -> None:
    """Raises `UserError` unless the scope of `spec`, which holds now, binds something for it."""
    names, borrows = _parameters(part), getattr(part, "borrows", ())
    bindable = [f"{part.__name__}.{name}" for name in names]
    bindable += [full_name for full_name in borrows if full_name.partition(".")[2] in names]
    added = _scopes_in_effect()[-spec.count("/") :]
    if any(_binds(prefix, full_name) for prefix in added for full_name in bindable):
        return
    some = next((name for name in bindable if name.endswith(".steps")), f"{part.__name__}.…")
    known = {scope for scope, _ in re.findall(r"^(\S+)/(\w+)\.\w+ =", gin.config_str(), re.M)}
    raise UserError(
        f"nothing is bound for {part.__name__} in the scope '{added[-1]}' of '{spec}': bind "
        f"{added[-1]}/{some} or another parameter, or leave the scope out."
        + nearest(added[-1], known),
        parameter,
    )


def configurables() -> dict[str, tuple[str, ...]]:
    """Returns every configurable name with the names of its parameters."""
    return {name: tuple(_parameters(part)) for name, part in CONFIGURABLES.items()}


def unbound(part: Callable[..., Any]) -> list[str]:
    """Returns the parameters that have no binding in this scope."""
    bound = _borrowed_bindings(part) | own_bindings(part)
    return [name for name in _parameters(part) if name not in bound]


def bound_value(full_name: str) -> Any:
    """Returns what ``Name.parameter`` is bound to in this scope, else its default."""
    name, _, parameter = full_name.partition(".")
    return own_bindings(CONFIGURABLES[name]).get(parameter, default(full_name))


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
    value = _parameters(CONFIGURABLES[name])[parameter].default
    return None if value is inspect.Parameter.empty else value


def scoped(scope: str):
    """Returns a context in which `configured` also applies ``scope/…`` bindings."""
    return gin.config_scope(scope)


def _parameters(part: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    unbindable = getattr(part, "unbindable", ())
    return {name: one for name, one in _signature(part).items() if name not in unbindable}


@functools.cache  # asked of every part for each line of a gin file
def _signature(part: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(part).parameters
