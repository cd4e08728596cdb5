"""Models that others made, as attacks and evaluation see them: pixels in, logits out."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf

from tfadv.errors import check_choice
from tfadv.models.classifier import check_dtype
from tfadv.norms.base import Norm
from tfadv.norms.mode import INFERENCE, NormMode, chosen_branch
from tfadv.pixels import LogitsFn, PixelRange, from_pixels

LAYOUTS = ("NHWC", "NCHW")
OUTPUTS = ("logits", "probabilities")
# Below it a float32 probability has lost its gradient for good.
_LEAST_PROBABILITY = 1e-30


class ExternalModel:
    """A `Classifier` known by its functions alone.

    Args:
        name: where it is from.
        functions: for each branch, from images to what `outputs` says.
        image_shape: (height, width, channels) of the images, whatever the layout.
        classes: number of logits or probabilities.
        pixel_range: of the images that it takes.
        layout: ``NHWC`` or ``NCHW``, of those images.
        outputs: ``logits``, or ``probabilities`` after a softmax.
        made: what is known of how it was trained, for records.

    Attributes:
        dtypes: its own affair, so 'float32' alone.
        norms: likewise, so none.

    Raises:
        UserError: there is no such layout or output.
    """

    dtypes = ("float32",)
    norms: Mapping[str, Norm] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[[tf.Tensor], tf.Tensor]],
        image_shape: Sequence[int],
        classes: int,
        pixel_range: PixelRange,
        layout: str = "NHWC",
        outputs: str = "logits",
        made: Mapping[str, object] | None = None,
    ):
        check_choice("--layout", layout, LAYOUTS)
        check_choice("--outputs", outputs, OUTPUTS)
        self.name = name
        self.image_shape = tuple(image_shape)
        self.classes = classes
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

    def fed(self, pixel_range: PixelRange) -> "ExternalModel":
        """Returns the same model, fed images of another range."""
        return ExternalModel(
            self.name,
            self.functions,
            self.image_shape,
            self.classes,
            pixel_range,
            self.layout,
            self.outputs,
            self._made,
        )

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of the model."""
        return self._made | {
            "name": self.name,
            "branches": list(self.branches),
            "pixel_range": list(self.pixel_range),
            "layout": self.layout,
            "outputs": self.outputs,
        }

    def logits_fn(
        self, mode: NormMode = INFERENCE, dtype: str = "float32", constant: bool = False
    ) -> LogitsFn:
        """Returns a branch as a function of float32 [N, H, W, C] in 0..255.

        Args:
            mode: names the branch.
            dtype: must be 'float32': it is the model's own affair.
            constant: nothing changes.

        Raises:
            UserError: another dtype is asked for, or a branch that there isn't.
        """
        check_dtype(dtype, self.dtypes)
        function = self.functions[chosen_branch(mode.branch, self.branches, self.default_branch)]

        def logits(images: tf.Tensor) -> tf.Tensor:
            x = from_pixels(images, self.pixel_range)
            x = tf.transpose(x, [0, 3, 1, 2]) if self.layout == "NCHW" else x
            found = tf.cast(function(x), tf.float32)
            if self.outputs == "probabilities":
                found = tf.math.log(tf.maximum(found, _LEAST_PROBABILITY))
            return found

        return logits
