"""Names of layers and variables that do not count what else a process has built."""

import re

import keras

_COUNT = re.compile(r"_\d+$")


def uncounted(layer: keras.layers.Layer) -> str:
    """Returns a layer's name, less the number where Keras gave both."""
    name = _COUNT.sub("", layer.name)
    return name if name.replace("_", "") == type(layer).__name__.lower() else layer.name


def unique(name: str, taken: set[str]) -> str:
    """Returns a name, numbered if it is taken, and takes it."""
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def name_variables(layer: keras.layers.Layer) -> None:
    """Gives the variables of a built layer paths by which a checkpoint finds them again.

    A layer of somebody else's may leave the names of its weights, and of layers inside, to
    Keras, which numbers them through the process.

    Args:
        layer: of a name that is its own in the network.
    """
    inside = {part.name: uncounted(part) for part in layer._flatten_layers(include_self=False)}
    taken: set[str] = set()
    for variable in layer.weights:
        *places, name = variable.path.removeprefix(f"{layer.name}/").split("/")
        automatic = _COUNT.sub("", name) == "variable"
        places = [inside.get(place, place) for place in places]
        path = "/".join([layer.name, *places, "variable" if automatic else name])
        variable._path = unique(path, taken)  # Keras offers no way to set it
