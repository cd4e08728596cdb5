"""What every normalization layer shares: the explicit mode, γ, β and how statistics are kept."""

import inspect
import math

import keras
import tensorflow as tf

from tfadv.errors import UserError, check
from tfadv.norms.mode import INFERENCE, MAIN, NormMode, chosen_branch
from tfadv.norms.statistics import (  # noqa: F401  (plugins import them from here)
    Collected,
    Moments,
    Statistics,
    Updates,
    averaged,
    merged,
    updates_of,
    write_statistics,
)


class Norm(keras.layers.Layer):
    """Base class of the normalizations: float32 arithmetic, then γ and β.

    A subclass defines `normalize`, and `affine` where it has a fixed map. One
    that keeps running statistics defines `transform` and `updates` instead.
    Input and output have shape [N, …, C] and the same dtype; variables and
    arithmetic are float32. What a subclass gets is always [N, H, W, C]: tokens are maps of
    width 1, vectors [N, C] of one pixel. It keeps each argument of its constructor in the
    attribute of the same name.

    Attributes:
        branches: names of the branches that have statistics of their own.
        default_branch: the branch of a call that names none.
        activates: whether the norm brings the nonlinearity that follows it, in
            place of ReLU.
        activated: whether a nonlinearity follows here; its unit says so before
            `build`. A residual block's last norm is followed by none.

    Args:
        gamma_initializer: initializer of γ; a residual block's last norm
            starts at zeros.
        name: the layer's name.
    """

    branches: tuple[str, ...] = (MAIN,)
    default_branch = MAIN
    activates = False
    activated = False

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        known = keras.saving.get_registered_object(f"tfadv>{cls.__name__}")
        # Another module's is kept, whose name the registry keeps too; gin derives classes
        # of the same name.
        is_new = known is None or known.__module__ == cls.__module__
        if is_new and all(base.__name__ != cls.__name__ for base in cls.__bases__):
            keras.saving.register_keras_serializable("tfadv")(cls)

    def __init__(self, gamma_initializer: str = "ones", name: str | None = None):
        super().__init__(name=name, dtype="float32", autocast=False)
        try:
            keras.initializers.get(gamma_initializer)
        except ValueError:
            parameter = f"{type(self).__name__}.gamma_initializer"
            check(False, parameter, "be an initializer of Keras, such as 'ones'", gamma_initializer)
        self.gamma_initializer = gamma_initializer

    def build(self, input_shape):
        """Makes γ and β, float32 [C]."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma")
        self.beta = self.add_weight(shape, "zeros", name="beta")

    def start_from(
        self, gamma: tf.Tensor | None, beta: tf.Tensor | None, moments: Moments | None
    ) -> None:
        """Takes over what another norm has learned, in every branch; it is built.

        Args:
            gamma: float32 [C]; None leaves γ at its start.
            beta: float32 [C]; None leaves β at its start.
            moments: running mean and variance; a norm that keeps none ignores them.
        """
        for variable, value in ((self.gamma, gamma), (self.beta, beta)):
            if value is not None:
                variable.assign(value)

    @property
    def keeps_statistics(self) -> bool:
        """Whether it has running statistics, which mean nothing until training measured them."""
        return type(self).updates is not Norm.updates

    def prepare_kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the kernel of the convolution before this norm, as the norm wants it.

        Args:
            kernel: float32 [height, width, in, out].
        """
        return kernel

    def stock_layer(
        self, branch: str | None = None
    ) -> tuple[keras.layers.Layer, list[keras.Variable]] | None:
        """Returns Keras' own layer that acts as this norm in inference, and its weights.

        Args:
            branch: which branch; None takes the default one.

        Returns:
            None where Keras has no such layer.
        """
        return None

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Returns float32 `x` normalized, before γ and β."""
        raise UserError(f"{type(self).__name__} defines no normalize(x, mode)")

    def affine(self, mode: NormMode) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns the map ``x * scale + offset`` that this norm is in `mode`.

        Returns:
            Two float32 tensors [C], or None where the norm depends on `x`. A
            norm that offers its map is folded into the convolution before it.
        """
        return None

    def transform(self, x: tf.Tensor, mode: NormMode) -> tuple[tf.Tensor, Statistics | None]:
        """Normalizes float32 `x` where there is no fixed map.

        Returns:
            The output in float32, γ and β applied, and the batch's statistics,
            or None if the norm keeps none.
        """
        return self.normalize(x, mode) * self.gamma + self.beta, None

    def takes_batch_inside(self, mode: NormMode) -> bool:
        """Returns whether `batch_inside` is as quick as a call where there is no fixed map."""
        return False

    def batch_inside(self, x: tf.Tensor, mode: NormMode, relu: bool) -> tf.Tensor:
        """Does what a call does to maps [1, H, W, N, C] that follow one another."""
        found = self.fused(x, mode, relu) if self._is_fused else None
        if found is not None:
            return found[0]
        y = self(tf.transpose(x[0], [2, 0, 1, 3]), mode=mode, relu=relu)
        return tf.transpose(y, [1, 2, 0, 3])[tf.newaxis]

    def fused(
        self, x: tf.Tensor, mode: NormMode, relu: bool
    ) -> tuple[tf.Tensor, Statistics | None] | None:
        """Does what `transform` does, and a ReLU if asked for, by compiled code.

        It is left alone where a subclass has another `transform`.

        Args:
            x: [N, H, W, C], or [1, H, W, N, C] of `batch_inside`; float32 or bfloat16.
            mode: how to act, where there is no fixed map.
            relu: whether a ReLU follows.

        Returns:
            What `transform` returns, the output in the dtype of `x`; None where `transform` is
            as good.
        """
        return None

    def updates(self, statistics: Statistics) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Returns the running variables and their values after a step with these statistics."""
        raise UserError(f"{type(self).__name__} defines no updates(statistics)")

    def running_statistics(self, branch: str | None = None) -> Moments | None:
        """Returns the running mean and variance of a branch.

        Args:
            branch: which branch; None takes the default one.

        Returns:
            None where the norm keeps no such two of every channel.
        """
        return None

    def batch_statistics(self, collected: Collected, branch: str | None = None) -> Moments | None:
        """Returns what a forward measured of the two that `running_statistics` averages.

        Args:
            collected: of a forward in the branch; several measurements are averaged.
            branch: which branch; None takes the default one.

        Returns:
            None where the norm measured no such two.
        """
        return None

    def forward(
        self, x: tf.Tensor, mode: NormMode, relu: bool = False
    ) -> tuple[tf.Tensor, Collected]:
        """Returns `x` normalized, of its dtype, and the statistics that `mode` says to write."""
        affine = self.affine(mode)
        if affine is not None:
            y = tf.cast(tf.cast(x, tf.float32) * affine[0] + affine[1], x.dtype)
            return tf.nn.relu(y) if relu else y, {}
        y, statistics = self._moved(_as_maps(x), mode, relu)
        y = y if x.shape.rank == 4 else tf.reshape(y, tf.shape(x))
        writes = mode.update and statistics is not None
        return y, {self.path: [statistics]} if writes else {}

    def _moved(self, x, mode, relu):
        """Returns maps normalized, of their dtype, past a ReLU if asked for, and statistics."""
        found = self.fused(x, mode, relu) if self._is_fused else None
        if found is not None:
            return found
        y, statistics = self.transform(tf.cast(x, tf.float32), mode)
        y = tf.cast(y, x.dtype)
        return tf.nn.relu(y) if relu else y, statistics

    @property
    def _is_fused(self) -> bool:
        """Whether `fused` is of the same `transform`, and no subclass has another."""
        fused, transform = (
            next(part for part in type(self).__mro__ if name in vars(part))
            for name in ("fused", "transform")
        )
        return issubclass(fused, transform)

    def call(
        self,
        x: tf.Tensor,
        mode: NormMode = INFERENCE,
        collect: bool = False,
        relu: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, Collected]:
        """Normalizes `x` [N, …, C] as `mode` says.

        Args:
            x: float32 or bfloat16.
            mode: how to act.
            collect: whether to return the statistics that `mode` says to write, for a
                `write_statistics` to come, instead of writing them at once.
            relu: whether a ReLU follows γ and β.

        Returns:
            Of the shape and dtype of `x`; with `collect`, a pair of that and the statistics.

        Raises:
            UserError: the mode names a branch that the norm doesn't have.
        """
        chosen_branch(mode.branch, self.branches, self.default_branch)
        y, collected = self.forward(x, mode, relu)
        if collect:
            return y, collected
        if collected:
            write_statistics(norms_in(self), collected, mode.across_replicas)
        return y

    def compute_output_spec(self, x: keras.KerasTensor, **_) -> keras.KerasTensor:
        """Returns what a symbolic call does: the shape and dtype of `x`."""
        return keras.KerasTensor(x.shape, x.dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        names = inspect.signature(type(self)).parameters
        for name in names:
            if not hasattr(self, name):
                raise TypeError(
                    f"{type(self).__name__} must keep its argument '{name}' as self.{name}"
                )
        return {name: getattr(self, name) for name in names}


def _as_maps(x: tf.Tensor) -> tf.Tensor:
    """Returns [N, …, C] as [N, H, W, C]."""
    if x.shape.rank == 4:
        return x
    sides = tf.math.reduce_prod(tf.shape(x)[1:-1])
    maps = tf.reshape(x, tf.stack([tf.shape(x)[0], sides, 1, x.shape[-1]]))
    return tf.ensure_shape(maps, [x.shape[0], _product(x.shape[1:-1]), 1, x.shape[-1]])


def _product(sides) -> int | None:
    return math.prod(sides) if all(side is not None for side in sides) else None


def norms_in(layer: keras.layers.Layer) -> dict[str, Norm]:
    """Returns the norms of a layer by their paths: itself, if it is one, and all inside it."""
    return {part.path: part for part in layer._flatten_layers() if isinstance(part, Norm)}
