"""The SavedModel of a model: plain TensorFlow, with true gradients by the input."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models import Model
from tfadv.norms import NormMode
from tfadv.pixels import PixelRange, to_pixels

DEFAULT_ENDPOINT = "serve"


def endpoint(branch: str) -> str:
    """Returns the name of a branch's endpoint."""
    return f"{DEFAULT_ENDPOINT}_{branch}"


class Endpoints(tf.Module):
    """A model's branches as functions of images of any batch.

    ``serve`` is the default branch, ``serve_BRANCH`` each one of a model with
    several. All take float32 [N, H, W, 3] in the given range and return float32
    logits [N, K]; their gradients are those of TensorFlow's own operations.

    Args:
        model: the model.
        branches: which of its branches, the default one first.
        pixel_range: of the images.
    """

    def __init__(self, model: Model, branches: Sequence[str], pixel_range: PixelRange):
        super().__init__()
        # TensorFlow's tracking loses the layers that Keras keeps in lists. Their paths are by
        # what `initial_weights` knows the weights again.
        self.weights = {variable.path: variable.value for variable in model.variables}
        images = tf.TensorSpec((None, *model.image_shape), tf.float32, "images")

        def serving(branch):
            @tf.function(input_signature=[images], autograph=False)
            def logits(images):
                return model(to_pixels(images, pixel_range), mode=NormMode(branch))

            return logits

        endpoints = {DEFAULT_ENDPOINT: serving(branches[0])}
        if len(model.branches) > 1:
            endpoints |= {endpoint(branch): serving(branch) for branch in branches}
        for name, function in endpoints.items():
            setattr(self, name, function)
        self._names = tuple(endpoints)

    def save(self, folder: Path) -> None:
        """Writes the SavedModel; each endpoint is an attribute and a signature of it."""

        def signature(function):
            return tf.function(
                lambda images: {"logits": function(images)},
                input_signature=function.input_signature,
                autograph=False,
            )

        signatures = {name: signature(getattr(self, name)) for name in self._names}
        signatures["serving_default"] = signatures[DEFAULT_ENDPOINT]
        tf.saved_model.save(self, str(folder), signatures=signatures)


def load(folder: Path, remedy: str = "take another copy of it"):
    """Returns a SavedModel.

    Args:
        folder: that holds it.
        remedy: what to do where it can't be loaded, for the error.

    Raises:
        UserError: it can't be loaded.
    """
    try:
        return tf.saved_model.load(str(folder))
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # of any type, where files are damaged
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"'{folder}' can't be loaded ({reason}): {remedy}") from None


def functions(module, endpoints: Mapping[str, str], folder: Path, remedy: str) -> dict:
    """Returns the function of each branch, from images to logits.

    Args:
        module: a loaded SavedModel.
        endpoints: of the branches.
        folder: that holds it, for the error.
        remedy: likewise.

    Raises:
        UserError: it has no such endpoint.
    """
    names = endpoints.values()
    missing = [name for name in names if not str(name).startswith(DEFAULT_ENDPOINT)]
    missing += [name for name in names if not hasattr(module, str(name))]
    if missing:
        raise UserError(f"'{folder}' has no endpoint {missing[0]!r}: {remedy}")
    # Closures over the module: its functions alone would not keep its variables alive.
    return {
        branch: functools.partial(lambda x, name: getattr(module, name)(x), name=name)
        for branch, name in endpoints.items()
    }
