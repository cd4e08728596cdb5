"""Models that others made, as the evaluation sees them: pixels in, logits out."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from tfadv import bundle
from tfadv.attacks.base import LogitsFn
from tfadv.errors import UserError, check_choice, nearest
from tfadv.norms import NormMode
from tfadv.norms.base import MAIN
from tfadv.pixels import PixelRange, from_pixels

LAYOUTS = ("NHWC", "NCHW")
OUTPUTS = ("logits", "probabilities")
# Below it a float32 probability has lost its gradient for good.
_LEAST_PROBABILITY = 1e-30


class ForeignModel:
    """A classifier known by its functions alone.

    Args:
        name: where it is from.
        functions: for each branch, from images to what `outputs` says.
        pixel_range: of the images that it takes.
        layout: ``NHWC`` or ``NCHW``, of those images.
        outputs: ``logits``, or ``probabilities`` after a softmax.
        made: what is known of how it was trained, for records.

    Raises:
        UserError: there is no such layout or output.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[[tf.Tensor], tf.Tensor]],
        pixel_range: PixelRange,
        layout: str = "NHWC",
        outputs: str = "logits",
        made: Mapping[str, object] | None = None,
    ):
        check_choice("--layout", layout, LAYOUTS)
        check_choice("--outputs", outputs, OUTPUTS)
        self.name = name
        self.pixel_range = pixel_range
        self.layout = layout
        self.outputs = outputs
        self.functions = dict(functions)
        self._made = dict(made or {})

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the branches; a single one is called 'main'."""
        return tuple(self.functions)

    @property
    def default_branch(self) -> str:
        """The first branch."""
        return self.branches[0]

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of the model."""
        return self._made | {
            "name": self.name,
            "branches": list(self.branches),
            "pixel_range": list(self.pixel_range),
            "layout": self.layout,
            "outputs": self.outputs,
        }

    def logits_fn(self, mode: NormMode, dtype: str = "float32", constant: bool = False) -> LogitsFn:
        """Returns a branch as a function of float32 [N, H, W, C] in 0..255.

        Args:
            mode: names the branch.
            dtype: must be 'float32': it is the model's own affair.
            constant: nothing changes.

        Raises:
            UserError: another dtype is asked for.
        """
        if dtype != "float32":
            raise UserError(
                f"Evaluation.dtype = {dtype!r} can't be had here: bind 'float32'",
                "Evaluation.dtype",
            )
        function = self.functions[mode.branch or self.default_branch]

        def logits(images: tf.Tensor) -> tf.Tensor:
            x = from_pixels(images, self.pixel_range)
            x = tf.transpose(x, [0, 3, 1, 2]) if self.layout == "NCHW" else x
            found = tf.cast(function(x), tf.float32)
            if self.outputs == "probabilities":
                found = tf.math.log(tf.maximum(found, _LEAST_PROBABILITY))
            return found

        return logits


def load(
    path: Path,
    pixel_range: PixelRange | None,
    layout: str | None,
    outputs: str,
    endpoint: str | None,
) -> ForeignModel:
    """Loads a bundle, another SavedModel, or a Keras file.

    Args:
        path: a folder, or a ``.keras`` or ``.h5`` file.
        pixel_range: of the images that it takes; None for a bundle, which says.
        layout: of those images, likewise.
        outputs: ``logits`` or ``probabilities``.
        endpoint: of a SavedModel that is no bundle: one of its signatures or
            functions; None takes its only one.

    Raises:
        UserError: it can't be loaded, or range or layout is not stated.
    """
    if not path.exists():
        raise UserError(f"--saved_model: there is no '{path}'")
    if is_bundle(path):
        return _bundle(path, pixel_range, layout)
    if pixel_range is None or layout is None:
        raise UserError(
            f"--saved_model: '{path}' doesn't say what images it takes: state "
            "--pixel_range=LOW,HIGH and --layout=NHWC or NCHW"
        )
    function = _keras_file(path) if path.is_file() else _saved_model(path, endpoint)
    return ForeignModel(str(path), {MAIN: function}, pixel_range, layout, outputs)


def is_bundle(path: Path) -> bool:
    """Returns whether ``python -m tfadv.export`` wrote a folder."""
    return (path / bundle.METADATA).is_file()


def _bundle(path, pixel_range, layout) -> ForeignModel:
    metadata = bundle.read_metadata(path)
    for flag, stated, told in (
        ("pixel_range", pixel_range, tuple(metadata["pixel_range"])),
        ("layout", layout, metadata["layout"]),
    ):
        if stated is not None and stated != told:
            raise UserError(f"--{flag}: '{path}' takes {told}, not {stated}: leave the flag out")
    module = tf.saved_model.load(str(path))
    # Closures over the module: its functions alone would not keep its variables alive.
    functions = {
        branch: functools.partial(lambda x, name: getattr(module, name)(x), name=name)
        for branch, name in metadata["endpoints"].items()
    }
    pixel_range = tuple(metadata["pixel_range"])
    return ForeignModel(str(path), functions, pixel_range, made=metadata.get("model"))


def _keras_file(path):
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        raise UserError(f"--saved_model: '{path}': {str(error).splitlines()[0]}") from None
    return lambda x: model(x, training=False)


def _saved_model(path, endpoint):
    try:
        module = tf.saved_model.load(str(path))
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise UserError(f"--saved_model: '{path}': {str(error).splitlines()[0]}") from None
    name = _chosen_signature(path, list(module.signatures), endpoint)
    signature = module.signatures[name]
    (argument,) = _only(path, name, "inputs", signature.structured_input_signature[1])
    (result,) = _only(path, name, "outputs", signature.structured_outputs)
    return lambda x: module.signatures[name](**{argument: x})[result]


def _chosen_signature(path, names: Sequence[str], endpoint: str | None) -> str:
    if endpoint is None:
        for name in ("serving_default", *names):
            if name in names:
                return name
    if endpoint not in names:
        raise UserError(
            f"--endpoint: '{path}' has no signature '{endpoint}'; it has "
            f"{', '.join(names) or 'none'}." + nearest(str(endpoint), names)
        )
    return endpoint


def _only(path, name, what, found) -> tuple[str, ...]:
    if len(found) != 1:
        raise UserError(
            f"--endpoint: '{name}' of '{path}' has {len(found)} {what} ({', '.join(found)}), "
            "and a classifier has one: choose another"
        )
    return tuple(found)
