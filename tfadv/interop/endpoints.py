"""Functions that SavedModels and Keras files hold: which one, what it takes, what it returns."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from tfadv.errors import UserError, nearest
from tfadv.interop import saved_model
from tfadv.models.external import OUTPUTS

_HOW_TO_SAVE = (
    "save it with tf.saved_model.save(model, FOLDER, signatures=function), where function is a "
    "tf.function with input_signature=[tf.TensorSpec([None, HEIGHT, WIDTH, CHANNELS])]"
)


class Endpoint(NamedTuple):
    """A function from images to tensors, or to a list or dictionary of them.

    Attributes:
        call: the function of one tensor.
        takes: what is known of that tensor, [N, …]; None if nothing is.
        name: which function of the file it is; None where there is one alone.
    """

    call: Callable[[tf.Tensor], object]
    takes: tf.TensorSpec | None
    name: str | None = None

    def returning(self, path: Path, output_name: str | None) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns the function to one of its outputs.

        Args:
            path: the file, for errors.
            output_name: which; None takes the only one there is.

        Raises:
            UserError: when it is called, and there is no such output, or more than one.
        """
        return lambda images: _chosen_output(path, self.call(images), output_name)


def of_keras_file(path: Path) -> Endpoint:
    """Returns the model of a ``.keras`` or ``.h5`` file, as it is in inference.

    Raises:
        UserError: it can't be loaded safely, or takes more than one input.
    """
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError, TypeError) as error:
        raise UserError(f"--saved_model: '{path}': {str(error).splitlines()[0]}") from None
    inputs, outputs = getattr(model, "input", None), getattr(model, "output_names", None)
    if inputs is None:  # a model of its maker's own class says nothing of itself
        return Endpoint(lambda images: model(images, training=False), None)
    flat = keras.tree.flatten(inputs)
    _only_input(path, "the model", [one.name for one in flat])

    def call(images):
        found = model(keras.tree.pack_sequence_as(inputs, [images]), training=False)
        in_order = isinstance(found, list | tuple) and len(outputs) == len(found)
        return dict(zip(outputs, found, strict=True)) if in_order else found

    return Endpoint(call, tf.TensorSpec(flat[0].shape, flat[0].dtype))


def of_saved_model(path: Path, endpoint: str | None) -> Endpoint:
    """Returns one of a SavedModel's signatures, or of its functions where it has none.

    Args:
        path: the folder.
        endpoint: its name; None takes ``serving_default``, else the only one.

    Raises:
        UserError: it can't be loaded, has no such function, or that takes more than images.
    """
    try:
        module = saved_model.load(path)
    except UserError as error:
        raise UserError(f"--saved_model: {error.message}") from None
    functions = dict(module.signatures) or _functions(module)
    name = _chosen_function(path, functions, endpoint)
    if name in module.signatures:
        signature = module.signatures[name]
        takes = signature.structured_input_signature[1]
        argument = _only_input(path, name, takes)
        # A closure over the module: its function alone would not keep its variables alive.
        return Endpoint(lambda x: module.signatures[name](**{argument: x}), takes[argument], name)
    structure = _first_argument(functions[name])
    _only_input(path, name, [str(spec.name) for spec in tf.nest.flatten(structure)])
    (takes,) = tf.nest.flatten(structure)

    def call(images):
        return _functions(module)[name](tf.nest.pack_sequence_as(structure, [images]))

    return Endpoint(call, takes, name)


def _functions(module) -> dict[str, Callable]:
    """Returns the traced functions of a SavedModel's object; the object's own is ``__call__``."""
    names = ["__call__", *(name for name in dir(module) if not name.startswith("_"))]
    found = {name: getattr(module, name, None) for name in names}
    return {name: one for name, one in found.items() if getattr(one, "concrete_functions", None)}


def _first_argument(function) -> object:
    """Returns the specifications in the first argument of a restored function."""
    arguments, named = function.concrete_functions[0].structured_input_signature
    first = [*arguments, *named.values()][:1]
    return first[0] if first else ()


def _chosen_function(path, functions: Mapping[str, object], endpoint: str | None) -> str:
    if not functions:
        raise UserError(
            f"--saved_model: '{path}' has neither a signature nor a function to call: "
            + _HOW_TO_SAVE
        )
    if endpoint is None:
        for name in ("serving_default", "__call__"):
            if name in functions:
                return name
        if len(functions) == 1:
            return next(iter(functions))
        raise UserError(f"--endpoint: '{path}' has {', '.join(functions)}: name one of them")
    if endpoint not in functions:
        raise UserError(
            f"--endpoint: '{path}' has no function '{endpoint}'; it has "
            f"{', '.join(functions)}." + nearest(endpoint, functions)
        )
    return endpoint


def _only_input(path, name: str, inputs: Sequence[str] | Mapping[str, object]) -> str:
    if len(inputs) != 1:
        raise UserError(
            f"--endpoint: '{name}' of '{path}' has {len(inputs)} inputs "
            f"({', '.join(sorted(inputs))}), "
            "and a classifier has one, its images: " + _HOW_TO_SAVE
        )
    return next(iter(inputs))


def _chosen_output(path, found: object, name: str | None) -> tf.Tensor:
    outputs = _named(found)
    if name is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if name not in outputs:
        wanted = f"no output '{name}'" if name else f"{len(outputs)} outputs"
        raise UserError(
            f"--output_name: '{path}' has {wanted}: it returns {', '.join(outputs)}, of which "
            f"one holds the {' or '.join(OUTPUTS[:2])}.{nearest(name or '', outputs)}"
        )
    return outputs[name]


def _named(found: object) -> dict[str, tf.Tensor]:
    """Returns the tensors in lists and dictionaries by ``name``, ``0`` or ``name/0``."""
    if isinstance(found, Mapping):
        items = found.items()
    elif isinstance(found, list | tuple):
        items = enumerate(found)
    else:
        return {"": found}
    named = {}
    for key, value in items:
        named |= {f"{key}/{more}".rstrip("/"): one for more, one in _named(value).items()}
    return named
