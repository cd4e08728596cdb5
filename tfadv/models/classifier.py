"""What the rest of the package needs of a network, whoever made it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import keras
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models.norm_place import NormPlace
from tfadv.norms.base import Collected, Norm
from tfadv.norms.mode import INFERENCE, NormMode
from tfadv.pixels import LogitsFn


class Classifier(Protocol):
    """A function from images to logits, in as many branches as its norms have.

    Attacks, evaluation and export take any; what training needs besides is in `Trainable`.

    Attributes:
        name: for tables and records.
        image_shape: (height, width, channels) of the images.
        classes: number of logits K.
        branches: names of the norm branches; a single one is called 'main'.
        default_branch: the branch of a mode that names none.
        dtypes: in which its convolutions can be computed; 'float32' always.
        randomized: whether it answers the same images differently.
        norms: its norms by path; none where they are its maker's own affair.
    """

    name: str
    image_shape: tuple[int, int, int]
    classes: int
    randomized: bool

    @property
    def branches(self) -> tuple[str, ...]: ...

    @property
    def default_branch(self) -> str: ...

    @property
    def dtypes(self) -> tuple[str, ...]: ...

    @property
    def norms(self) -> Mapping[str, Norm]: ...

    def logits_fn(
        self, mode: NormMode = INFERENCE, dtype: str = "float32", constant: bool = False
    ) -> LogitsFn:
        """Returns one mode as a plain function of float32 images [N, H, W, C] in 0..255.

        Args:
            mode: the branch, and how its norms act.
            dtype: one of `dtypes`.
            constant: whether the weights may be frozen into the function's graphs.

        Raises:
            UserError: there is no such branch or dtype.
        """

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of the model: JSON values."""


class Trainable(Classifier, Protocol):
    """A classifier whose weights and statistics can be trained: a Keras model.

    Attributes:
        variables: weights and running statistics.
        trainable_variables: the weights.
        kernels: those of the weights that weight decay applies to.
        draws_in_training: whether layers such as dropout act where there is a seed.
        has_blocks: whether it has blocks, whose activations can be recomputed.
        norm_places: the norms in order of depth, those inside another one left out.
    """

    draws_in_training: bool
    has_blocks: bool

    @property
    def norm_places(self) -> list[NormPlace]: ...

    @property
    def variables(self) -> list[keras.Variable]: ...

    @property
    def trainable_variables(self) -> list[keras.Variable]: ...

    @property
    def kernels(self) -> list[keras.Variable]: ...

    def __call__(
        self,
        images: tf.Tensor,
        mode: NormMode = INFERENCE,
        collect: bool = False,
        dtype: str = "float32",
        seed: tf.Tensor | None = None,
        recompute: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, Collected]:
        """Returns float32 logits [N, K]; see `Norm.call` for `collect`.

        Dropout and its kin act if there is a `seed`, int64 [2], of which they draw. What is in
        blocks is not kept for the gradients but recomputed, if `recompute` says so; it is said
        to nobody without blocks.
        """


def norm_variables(model: Trainable) -> list[keras.Variable]:
    """Returns the trainable variables of a model's norms: γ and β of every branch, once each."""
    found = [weight for norm in model.norms.values() for weight in norm.trainable_variables]
    return list({id(weight): weight for weight in found}.values())


def check_dtype(dtype: str, dtypes: Sequence[str]) -> None:
    """Raises `UserError` unless a model computes its convolutions in a dtype."""
    if dtype not in dtypes:
        raise UserError(
            f"Evaluation.dtype = {dtype!r} can't be had here: bind "
            + " or ".join(map(repr, dtypes)),
            "Evaluation.dtype",
        )
