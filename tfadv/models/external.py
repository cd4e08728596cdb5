"""Models that others made, as attacks and evaluation see them: pixels in, logits out."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf

from tfadv.errors import UserError, check_choice
from tfadv.models.classifier import check_dtype
from tfadv.models.image_form import ImageForm, in_batches
from tfadv.norms.base import Norm
from tfadv.norms.mode import INFERENCE, NormMode, chosen_branch
from tfadv.pixels import LogitsFn

# What a model returns: [N, K] before and after a softmax; of two classes, [N] or [N, 1] of
# the second one, before and after a sigmoid.
OUTPUTS = ("logits", "probabilities", "logit", "sigmoid")
_OF_TWO_CLASSES = ("logit", "sigmoid")
# Below it a float32 probability has lost its gradient for good.
_LEAST_PROBABILITY = 1e-30


class ExternalModel:
    """A `Classifier` known by its functions alone.

    Args:
        name: where it is from.
        functions: for each branch, from images to what `outputs` says.
        image_shape: (height, width, channels) of the images, whatever the layout.
        classes: number of logits.
        form: how it takes its images.
        outputs: ``logits``, or ``probabilities`` after a softmax; with two classes also
            ``logit``, the second one's, and ``sigmoid``, that one's probability.
        made: what is known of how it was trained, for records.

    Attributes:
        dtypes: its own affair, so 'float32' alone.
        norms: likewise, so none.
        randomized: whether it answers the same images differently; set by who has tried.

    Raises:
        UserError: there is no such output, or it takes no such images.
    """

    dtypes = ("float32",)
    norms: Mapping[str, Norm] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[[tf.Tensor], tf.Tensor]],
        image_shape: Sequence[int],
        classes: int,
        form: ImageForm,
        outputs: str = "logits",
        made: Mapping[str, object] | None = None,
    ):
        check_choice("--outputs", outputs, OUTPUTS)
        if outputs in _OF_TWO_CLASSES and classes != 2:
            raise UserError(f"--outputs: {outputs!r} tells two classes apart, not {classes}")
        form.check_channels(image_shape[-1])
        form.check_dtype(name)
        self.name = name
        self.image_shape = tuple(image_shape)
        self.classes = classes
        self.form = form
        self.outputs = outputs
        self.functions = dict(functions)
        self.randomized = False
        self._made = dict(made or {})

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the branches; a single one is called 'main'."""
        return tuple(self.functions)

    @property
    def default_branch(self) -> str:
        """The first branch."""
        return self.branches[0]

    @property
    def of_two_classes(self) -> bool:
        """Whether it returns one number, of the second of two classes."""
        return self.outputs in _OF_TWO_CLASSES

    def fed(self, form: ImageForm) -> "ExternalModel":
        """Returns the same model, fed images of another form."""
        shape, made = self.image_shape, self._made
        return ExternalModel(
            self.name, self.functions, shape, self.classes, form, self.outputs, made
        )

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of the model."""
        return self._made | {
            "name": self.name,
            "branches": list(self.branches),
            **self.form.describe(),
            "outputs": self.outputs,
        }

    def raw_outputs(self, branch: str | None = None) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns a branch as a function of images in 0..255 to float32 of what it returns."""
        function = self.functions[chosen_branch(branch, self.branches, self.default_branch)]

        def found(x: tf.Tensor) -> tf.Tensor:
            return tf.cast(function(x), tf.float32)

        batched = in_batches(found, self.form.batch) if self.form.batch else found
        return lambda images: batched(self.form(images))

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
        raw = self.raw_outputs(mode.branch)
        return lambda images: self._logits(raw(images))

    def _logits(self, found: tf.Tensor) -> tf.Tensor:
        """Returns logits [N, K] of what the model returned."""
        if self.of_two_classes:
            found = tf.reshape(found, [-1])
            if self.outputs == "sigmoid":
                found = _log(found) - _log(1.0 - found)
            return tf.stack([tf.zeros_like(found), found], 1)
        found = tf.ensure_shape(found, [None, self.classes])
        return _log(found) if self.outputs == "probabilities" else found


def _log(probabilities: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(probabilities, _LEAST_PROBABILITY))
