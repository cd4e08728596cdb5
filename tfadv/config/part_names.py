"""The names that gin files may bind: those of parts and of their parameters.

The package's own can be read from its source, which runs nothing of it: importing the parts takes
TensorFlow, seconds that a misspelt name need not wait for.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tfadv import registry
from tfadv.config import plugin_modules
from tfadv.config.gin_files import PACKAGE
from tfadv.errors import UserError, nearest

# By part; None where the source doesn't tell.
Parameters = tuple[str, ...] | None
_KINDS = {
    name: kind for name, kind in vars(registry).items() if isinstance(kind, registry.Registry)
}
# Names what a module registers in a loop, Keras' own optimizers.
_LISTED = "PAPERS"


def check(known: Mapping[str, Parameters], selector: str, parameter: str | None, at: str) -> None:
    """Raises `UserError` unless there is such a part, and a parameter if one is named.

    Args:
        known: the parameters of every part.
        selector: the part, as gin names it.
        parameter: of the part, if one is named.
        at: where that is, for the error.
    """
    name = selector.rpartition(".")[2]
    if name not in known:
        hint = plugin_modules.defining(name) or nearest(name, known)
        raise UserError(f"{at}: nothing is called '{name}'.{hint}")
    has = known[name]
    if None not in (parameter, has) and parameter not in has:
        raise UserError(
            f"{at}: {name} has no parameter '{parameter}'; it has "
            f"{', '.join(has) or 'none'}.{nearest(parameter, has)}"
        )


class Source(NamedTuple):
    """What the source of the package defines and registers.

    Attributes:
        parameters: of every part, by its Python name.
        names: that are registered, by their kind.
    """

    parameters: dict[str, Parameters]
    names: dict[str, set[str]]


def of_source() -> Source:
    """Returns the package's own parts, as its source defines and registers them."""
    found = Source({}, {kind.kind: set() for kind in _KINDS.values()})
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "register(" in text or "configurable" in text:
            module = ast.parse(text)
            found.parameters.update(_registered(module))
            for kind, name in _named(module):
                found.names[kind].add(name)
    return found


def _named(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields the kinds and names that a module registers."""
    constants = {}
    for node in ast.walk(module):  # from the outside inwards
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                constants[name] = value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)):
                if name == _LISTED:
                    yield from ((registry.OPTIMIZERS.kind, key.value) for key in keys)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=kind), attr="register"), args=[name, *_]
            ) if kind in _KINDS:
                match name:
                    case ast.Constant(value=value):
                        yield _KINDS[kind].kind, value
                    case ast.Name(id=constant) if constant in constants:
                        yield _KINDS[kind].kind, constants[constant]


def _registered(module: ast.Module) -> Iterator[tuple[str, Parameters]]:
    unbindable = dict(filter(None, map(_unbindable, module.body)))
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                given = [_given(decorator) for decorator in node.decorator_list]
                if any(one is not None for one in given):
                    left_out = set().union(unbindable.get(name, ()), *filter(None, given))
                    yield name, _parameters(node, left_out)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)):
                if name == _LISTED:
                    yield from ((key.value, None) for key in keys)


def _given(decorator: ast.expr) -> tuple[str, ...] | None:
    """Returns which parameters the run gives, if a decorator registers a part."""
    match decorator:
        case ast.Name(id="configurable"):
            return ()
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="register")):
            return _KINDS[name].given
    return None


def _unbindable(node: ast.stmt) -> tuple[str, set[str]] | None:
    """Returns a part and the parameters that its attribute ``unbindable`` names."""
    match node:
        case ast.Assign(
            targets=[ast.Attribute(value=ast.Name(id=name), attr="unbindable")], value=value
        ):
            return name, set(ast.literal_eval(value))
        case ast.ClassDef(name=name, body=body):
            for one in body:
                match one:
                    case ast.Assign(targets=[ast.Name(id="unbindable")], value=value):
                        return name, set(ast.literal_eval(value))
    return None


def _parameters(part: ast.FunctionDef | ast.ClassDef, left_out: set[str]) -> Parameters:
    """Returns those of a function, a constructor or a dataclass but for some."""
    function = part
    if isinstance(part, ast.ClassDef):
        methods = {one.name: one for one in part.body if isinstance(one, ast.FunctionDef)}
        function = methods.get("__init__")
    if function:
        arguments = [*function.args.args, *function.args.kwonlyargs]
        names = [one.arg for one in arguments if one.arg != "self"]
    elif "dataclass" in map(_last_name, part.decorator_list):
        names = [one.target.id for one in part.body if isinstance(one, ast.AnnAssign)]
    else:
        return None
    return tuple(name for name in names if name not in left_out)


def _last_name(decorator: ast.expr) -> str:
    """Returns ``c`` for ``a.b.c`` and ``a.b.c(…)``."""
    return ast.unparse(decorator).partition("(")[0].rpartition(".")[2]
