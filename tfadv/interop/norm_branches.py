"""The norm branches of one network's weights, as another network has them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from tfadv.errors import UserError, nearest
from tfadv.models.classifier import Trainable

PARAMETER = "Experiment.initial_norm_branch"
EVERY = "every"


class Converted(NamedTuple):
    """Weights by the paths that a network's norms have.

    Attributes:
        values: by path.
        kept: paths of branches that nothing is given to.
        left: lines about what is not taken over.
    """

    values: dict[str, np.ndarray]
    kept: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()


def without_branches(model: Trainable) -> dict[str, str]:
    """Returns the paths of a network's variables as if its norms had one branch, by path."""
    norms = _outermost(model)

    def plain(path: str) -> str:
        norm, branch, name = _place(norms, path)
        return f"{norm}/{name}" if norm and branch in model.branches else path

    return {variable.path: plain(variable.path) for variable in model.variables}


def converted(
    model: Trainable, values: Mapping[str, np.ndarray], choice: str | None, source: str
) -> Converted:
    """Returns weights by the paths that a network's norms have.

    Args:
        model: the network.
        values: by paths, in which the source's norms have their branches, or none.
        choice: ``every`` or one of the network's branches, where the source has none;
            one of the source's, where the network has none; None where both are alike.
        source: where they are from, for errors.

    Raises:
        UserError: the branches differ and `choice` doesn't say what becomes of them, or it
            says so without need.
    """
    norms = _outermost(model)
    places = {path: _place(norms, path) for path in values}
    plain = without_branches(model)
    ours = tuple(dict.fromkeys(_place(norms, p).branch for p in plain if plain[p] != p))
    paths = {path for path, place in places.items() if place.norm}
    theirs = tuple(sorted({place.branch for place in places.values()} - {""}))
    if set(theirs) == set(ours) or (not ours and paths <= plain.keys()):
        if choice is not None:
            raise UserError(
                f"{PARAMETER} = {choice!r} is for other norms: those of '{source}' have this "
                "network's branches: leave it out",
                PARAMETER,
            )
        return Converted(dict(values))
    if ours and theirs:
        raise UserError(
            f"'{source}' has the norm branches {', '.join(theirs)}, and this network "
            f"{', '.join(ours)}: bind those, or Experiment.norm = 'batch_norm', which starts from "
            "one of them",
            "Experiment.norm",
        )
    _check(choice, source, ours, theirs)
    return _into(values, places, ours, choice) if ours else _out_of(values, places, theirs, choice)


def _into(values, places, ours, choice) -> Converted:
    """Gives what has no branches to one of ours, or to each."""
    taking = ours if choice == EVERY else (choice,)
    left = [branch for branch in ours if branch not in taking]
    found, kept = {}, set()
    for path, value in values.items():
        norm, _, name = places[path]
        found |= {f"{norm}/{b}/{name}": value for b in taking} if norm else {path: value}
        kept |= {f"{norm}/{branch}/{name}" for branch in left} if norm else set()
    lines = [f"this network's norm branch {branch} keeps its start" for branch in left]
    return Converted(found, frozenset(kept), tuple(lines))


def _out_of(values, places, theirs, choice) -> Converted:
    """Takes one branch of what has several."""
    found = {}
    for path, value in values.items():
        norm, branch, name = places[path]
        if not norm or branch == choice:
            found[f"{norm}/{name}" if norm else path] = value
    lines = [f"its norm branch {branch}" for branch in theirs if branch != choice]
    return Converted(found, left=tuple(lines))


def _check(choice, source, ours, theirs) -> None:
    choices = (EVERY, *ours) if ours else theirs
    if choice in choices:
        return
    has = f"the norm branches {', '.join(theirs)}" if theirs else "norms of one branch"
    this = f"the branches {', '.join(ours)}" if ours else "one alone"
    said = "" if choice is None else f", not {choice!r}.{nearest(choice, choices)}"
    raise UserError(
        f"'{source}' has {has}, and this network {this}: bind {PARAMETER} = "
        f"{' or '.join(map(repr, choices))}{said}",
        PARAMETER,
    )


class _Place(NamedTuple):
    """Where a variable belongs: its norm, or None; the branch in it, or ``""``; its name there."""

    norm: str | None
    branch: str
    name: str


def _place(norms: Iterable[str], path: str) -> _Place:
    norm = next((norm for norm in norms if path.startswith(f"{norm}/")), None)
    if norm is None:
        return _Place(None, "", path)
    before, _, after = path.removeprefix(f"{norm}/").partition("/")
    return _Place(norm, before if after else "", after or before)


def _outermost(model: Trainable) -> list[str]:
    """Returns the paths of a network's norms, without those that are part of another one."""
    paths = list(model.norms)
    return [p for p in paths if not any(p.startswith(f"{other}/") for other in paths)]
