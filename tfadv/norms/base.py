"""What every normalization layer shares: the explicit mode and γ, β."""

import dataclasses

import keras
import tensorflow as tf

from tfadv.errors import check_choice

MAIN = "main"


@dataclasses.dataclass(frozen=True)
class NormMode:
    """The three choices that Keras' ``training=`` fuses into one.

    Attributes:
        branch: whose statistics and γ, β to use, such as ``clean`` or ``adv``;
            None takes the norm's default. Norms with one branch ignore it.
        statistics: ``running`` (collected in training) or ``batch``.
        update: whether to write the batch's statistics into the running ones.
    """

    branch: str | None = None
    statistics: str = "running"
    update: bool = False

    def __post_init__(self):
        check_choice("NormMode.statistics", self.statistics, ("running", "batch"))


INFERENCE = NormMode()


class Norm(keras.layers.Layer):
    """Base class of the normalizations: float32 arithmetic, then γ and β.

    A subclass defines `normalize`, and `affine` where it has a fixed map.
    Input and output have shape [N, H, W, C] and the same dtype; variables and
    arithmetic are float32.

    Args:
        gamma_initializer: initializer of γ; a residual block's last norm
            starts at zeros.
        name: the layer's name.
    """

    branches: tuple[str, ...] = (MAIN,)
    default_branch = MAIN

    def __init__(self, gamma_initializer: str = "ones", name: str | None = None):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.gamma_initializer = gamma_initializer

    def build(self, input_shape):
        """Makes γ and β, float32 [C]."""
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma")
        self.beta = self.add_weight(shape, "zeros", name="beta")

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Returns float32 `x` normalized, before γ and β."""
        raise TypeError(f"{type(self).__name__} defines no normalize(x, mode)")

    def affine(self, mode: NormMode) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns the map ``x * scale + offset`` that this norm is in `mode`.

        Returns:
            Two float32 tensors [C], or None where the norm depends on `x`. A
            norm that offers its map is folded into the convolution before it.
        """
        return None

    def call(self, x: tf.Tensor, mode: NormMode = INFERENCE) -> tf.Tensor:
        """Normalizes `x` [N, H, W, C] as `mode` says."""
        affine = self.affine(mode)
        wide = tf.cast(x, tf.float32)
        if affine is None:
            y = self.normalize(wide, mode) * self.gamma + self.beta
        else:
            y = wide * affine[0] + affine[1]
        return tf.cast(y, x.dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"name": self.name, "gamma_initializer": self.gamma_initializer}
