"""Values for a network's variables, checked before the first of them is set."""

from collections.abc import Callable, Collection, Mapping

import keras
import numpy as np

from tfadv.errors import UserError, nearest
from tfadv.models.classifier import Trainable


def assign(
    model: Trainable,
    values: Mapping[str, np.ndarray],
    source: str,
    wanted_by: str,
    *,
    kept: Collection[str] = (),
    called: Mapping[str, str] | None = None,
    remedy: Callable[[keras.Variable], str] = lambda _: "",
) -> None:
    """Sets weights and running statistics of a model.

    Args:
        model: the model.
        values: by the paths of its variables.
        source: where they are from, for errors.
        wanted_by: the flag or parameter that names it, likewise.
        kept: paths of variables that stay as they are.
        called: what the source calls them, by path, where it has names of its own.
        remedy: how an error about a variable's shape ends.

    Raises:
        UserError: one is missing, has another shape or is not finite; nothing is set.
    """
    called = called or {}
    changed = [variable for variable in model.variables if variable.path not in kept]
    for variable in changed:
        path, name = variable.path, called.get(variable.path, variable.path)
        its = "" if name == path else f" (its {name})"
        if path not in values:
            problem = f"'{source}' has no {path}{its}." + nearest(path, values)
        elif values[path].shape != tuple(variable.shape):
            problem = (
                f"{path} of '{source}'{its} has shape {values[path].shape}, this model's "
                f"{tuple(variable.shape)}{remedy(variable)}"
            )
        elif not np.isfinite(values[path]).all():
            problem = f"{path} of '{source}'{its} holds numbers that are not finite"
        else:
            continue
        raise UserError(f"{wanted_by}: {problem}", wanted_by)
    for variable in changed:
        variable.assign(values[variable.path])
