"""A classifier that is asked about some of its classes alone."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfadv.models.classifier import Classifier
from tfadv.norms.base import Norm
from tfadv.norms.mode import INFERENCE, NormMode
from tfadv.pixels import LogitsFn


class RestrictedClassifier:
    """A `Classifier` whose other logits are left out, as for ImageNet-A and -R.

    Args:
        model: the whole one.
        kept_classes: the classes that are left, int64 [K'], in their new order.
    """

    def __init__(self, model: Classifier, kept_classes: np.ndarray):
        self._model = model
        self._kept = np.asarray(kept_classes, np.int32)
        self.name = model.name
        self.image_shape = model.image_shape
        self.classes = len(kept_classes)
        self.randomized = model.randomized

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the norm branches."""
        return self._model.branches

    @property
    def default_branch(self) -> str:
        """The branch of a mode that names none."""
        return self._model.default_branch

    @property
    def dtypes(self) -> tuple[str, ...]:
        """In which its convolutions can be computed."""
        return self._model.dtypes

    @property
    def norms(self) -> Mapping[str, Norm]:
        """Its norms by path."""
        return self._model.norms

    def logits_fn(
        self, mode: NormMode = INFERENCE, dtype: str = "float32", constant: bool = False
    ) -> LogitsFn:
        """Returns a function to float32 logits [N, K']; see `Classifier.logits_fn`."""
        whole = self._model.logits_fn(mode, dtype, constant)
        return lambda images: tf.gather(whole(images), self._kept, axis=-1)

    def describe(self) -> dict[str, object]:
        """Returns what a record says of the whole model."""
        return self._model.describe()
