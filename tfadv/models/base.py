"""What every model shares: pixels in, logits out, and a prepared view for attacks."""

import abc
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfadv.devices.local import has_accelerator
from tfadv.errors import UserError
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.fixed_convolution import batch_inside
from tfadv.models.norm_place import NormPlace
from tfadv.models.passes import ApplyUnit, Block, FixedUnits, MeasuredUnits, RecomputedUnits
from tfadv.norms import fused
from tfadv.norms.base import Collected, Norm, norms_in, write_statistics
from tfadv.norms.mode import INFERENCE, NormMode, chosen_branch
from tfadv.pixels import LogitsFn

Arrange = Callable[[tf.Tensor], tf.Tensor]


def as_it_is(x: tf.Tensor) -> tf.Tensor:
    """Leaves a feature map in its layout."""
    return x


class TrainableModel(keras.Model, abc.ABC):
    """What every network has that is trained here, whatever it is made of; see `Trainable`.

    Attributes:
        dtypes: in which its convolutions can be computed.
        randomized: False: it answers the same images alike.
        draws_in_training: whether layers such as dropout act where there is a seed.
        has_blocks: whether it has blocks, whose activations can be recomputed.
    """

    dtypes = ("float32", "bfloat16")
    randomized = False
    draws_in_training = False
    has_blocks = False

    @property
    def kernels(self) -> list[keras.Variable]:
        """The convolution and dense kernels: what weight decay applies to."""
        return [variable for variable in self.trainable_variables if variable.name == "kernel"]

    @property
    def norms(self) -> dict[str, Norm]:
        """Every norm of the network by its path, those inside another one too."""
        return norms_in(self)

    @property
    @abc.abstractmethod
    def norm_places(self) -> list[NormPlace]:
        """The norms in order of depth, those inside another one left out."""

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of the model."""
        return {
            "name": self.name,
            "parameters": self.count_params(),
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "branches": list(self.branches),
        }

    def refuse_training(self, training: bool | None) -> None:
        """Raises `UserError` where Keras' ``training=True`` is asked for."""
        if training:
            raise UserError(
                "training=True doesn't say which branch, which statistics and whether to "
                "update them: call model(images, mode=NormMode(...))"
            )


class Model(TrainableModel):
    """A `Trainable` classifier of float32 RGB images in 0..255, built of ConvNorm units.

    A subclass builds its layers in its constructor and defines `units` and
    `forward`.

    Attributes:
        blocks: layers of several units each, which `forward` computes by `through`: those
            that are alike are traced once.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels.
        name: the model's name.
    """

    blocks: Sequence[Block] = ()

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        pixel_mean: float | Sequence[float],
        pixel_std: float | Sequence[float],
        name: str,
    ):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.image_shape = tuple(image_shape)
        self.classes = classes
        self.pixel_mean = pixel_mean
        self.pixel_std = pixel_std

    @property
    @abc.abstractmethod
    def units(self) -> list[ConvNorm]:
        """Every ConvNorm unit of the network."""

    @property
    def has_blocks(self) -> bool:
        """Whether it has blocks; see `TrainableModel`."""
        return bool(self.blocks)

    @property
    def norm_places(self) -> list[NormPlace]:
        """The norms of the units; see `TrainableModel`."""
        return [unit.place for unit in self.units]

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the norm branches; one branch is called 'main'."""
        return self.units[0].norm.branches

    @property
    def default_branch(self) -> str:
        """The branch of a call that names none: that of its norms."""
        return self.units[0].norm.default_branch

    @abc.abstractmethod
    def forward(self, x: tf.Tensor, unit: ApplyUnit, arrange: Arrange = as_it_is) -> tf.Tensor:
        """Maps normalized images to float32 logits.

        Args:
            x: [N, H, W, C].
            unit: applies a ConvNorm unit.
            arrange: may move the batch of a block's input to [1, H, W, N, C],
                which every later block and the pooling must take.
        """

    def call(
        self,
        images: tf.Tensor,
        training: bool | None = None,
        mode: NormMode = INFERENCE,
        collect: bool = False,
        dtype: str = "float32",
        seed: tf.Tensor | None = None,
        recompute: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, Collected]:
        """Classifies images.

        Args:
            images: float32 [N, H, W, C] in 0..255.
            training: must not be true: say what you mean by `mode`.
            mode: how the norms act; by default on running statistics, in the
                default branch.
            collect: whether to return the statistics that `mode` says to write, for a
                `write_statistics` to come, instead of writing them at once.
            dtype: of the convolutions, 'float32' or 'bfloat16'.
            seed: see `Trainable`; units of convolution and norm draw nothing.
            recompute: whether gradients recompute what is in blocks, in place of keeping it.

        Returns:
            float32 logits [N, classes]; with `collect`, a pair of these and the statistics.

        Raises:
            UserError: `training` is true, or the mode names a branch that there isn't.
        """
        self.refuse_training(training)
        chosen_branch(mode.branch, self.branches, self.default_branch)
        units = RecomputedUnits(mode) if recompute else MeasuredUnits(mode)
        logits = self.forward(tf.cast(self._normalized(images), dtype), units)
        collected = units.collected
        if collect:
            return logits, collected
        if collected:
            write_statistics(self.norms, collected, mode.across_replicas)
        return logits

    def logits_fn(
        self, mode: NormMode = INFERENCE, dtype: str = "float32", constant: bool = False
    ) -> LogitsFn:
        """Returns the model in one mode as a plain function.

        The weights are folded and cast here, once, however often the function
        is then called: inside a ``tf.function``, make it outside the loop.

        Args:
            mode: how the norms act.
            dtype: of the convolutions, 'float32' or 'bfloat16'.
            constant: makes the convolutions' weights of now constants of the
                graphs that call the function, which CPUs run faster; to be
                asked for outside any ``tf.function``.

        Returns:
            A function from float32 images in 0..255 to float32 logits.

        Raises:
            UserError: the mode names a branch that there isn't.
        """
        chosen_branch(mode.branch, self.branches, self.default_branch)
        dtype = tf.as_dtype(dtype)
        units = FixedUnits(self.units, self.blocks, mode, dtype, constant)
        arrange = _arrangement(units.unfolded, mode)

        def logits(images: tf.Tensor) -> tf.Tensor:
            x = tf.cast(self._normalized(images), dtype)
            return self.forward(x, units, arrange)

        return logits

    def _normalized(self, images: tf.Tensor) -> tf.Tensor:
        return (images - self.pixel_mean) / self.pixel_std


def _arrangement(norms: Sequence[Norm], mode: NormMode) -> Arrange:
    """Returns how maps are best laid out where some norms aren't folded in."""
    if has_accelerator() or not all(norm.takes_batch_inside(mode) for norm in norms):
        return as_it_is
    if not norms:
        return batch_inside
    return lambda x: batch_inside(x) if fused.pays(x) else x
