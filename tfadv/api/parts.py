"""Parts of a run as Python code names them: by name, by name and parameters, or built."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tfadv.errors import UserError
from tfadv.registry import Registry
from tfadv.registry.remembered import Remembered


class Part(NamedTuple):
    """A registered part and what is bound for it; see `part`.

    Attributes:
        name: that it is registered by.
        parameters: of its constructor.
    """

    name: str
    parameters: Mapping[str, Any]


def part(name: str, /, **parameters: Any) -> Part:
    """Names a part of a run with its parameters, such as ``part("AdamW", weight_decay=0.05)``.

    Args:
        name: as ``python -m tfadv.plugins`` lists it.
        **parameters: of the part; the others keep the protocol's values.
    """
    return Part(name, parameters)


def chosen(
    registry: Registry, given: Any, parameter: str, scope: str = ""
) -> tuple[str, dict[str, Any]]:
    """Returns what to bind for a part that Python code gives.

    Args:
        registry: of the parts of its kind.
        given: a name, a `Part`, or an object of a registered class that is `Remembered`.
        parameter: the argument that gives it, for errors.
        scope: of the bindings, for one of several; "" for none.

    Returns:
        Its spec, and values by ``Name.parameter``.

    Raises:
        UserError: nothing is registered by that name, or of that class.
    """
    if isinstance(given, str):
        registry.get(given.rpartition("/")[2], parameter)
        return given, {}
    if isinstance(given, Part):
        name, values = given
    elif isinstance(given, Remembered):
        name, values = _name_of(registry, given, parameter), given.arguments
    else:
        raise UserError(
            f"{parameter}: a {type(given).__name__} is no {registry.kind}: give the name of one, "
            f"such as '{registry.names()[0]}', or tfadv.part(name, parameter=value)",
            parameter,
        )
    python_name = registry.get(name, parameter).__name__
    prefix = f"{scope}/" if scope else ""
    return f"{prefix}{name}", {f"{prefix}{python_name}.{key}": v for key, v in values.items()}


def _name_of(registry: Registry, given: Remembered, parameter: str) -> str:
    for name, known in registry.parts.items():
        if known is type(given):
            return name
    kind = type(given).__name__
    raise UserError(
        f"{parameter}: {kind} is registered as no {registry.kind}: decorate the class with "
        f'@{registry.kind.upper()}S.register("{kind.lower()}")',
        parameter,
    )
