"""The paper's network: post-activation bottleneck ResNets (He et al., 2016)."""

import functools
from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from tfadv.errors import check, check_choice
from tfadv.models.base import Arrange, Model, as_it_is
from tfadv.models.conv_norm import DISTRIBUTIONS, PADDINGS, ConvNorm, padding_of
from tfadv.models.fixed_convolution import for_tensorflow
from tfadv.models.passes import ApplyUnit, through
from tfadv.norms.base import Norm
from tfadv.registry import MODELS


class Bottleneck(keras.layers.Layer):
    """1x1, 3x3 (with the stride) and 1x1 convolutions beside a shortcut.

    The last norm starts at γ = 0; the shortcut has a convolution and norm only
    where the shape changes.

    Args:
        width: channels of the inner convolutions; four times as many leave.
        stride: of the 3x3 convolution and the shortcut.
        project: whether the shortcut needs a convolution.
        make_norm: builds a norm layer.
        how: further arguments of every `ConvNorm`.
        name: the layer's name.
    """

    EXPANSION = 4

    def __init__(
        self,
        width,
        stride,
        project,
        make_norm: Callable[..., Norm],
        how: Mapping[str, str],
        name=None,
    ):
        super().__init__(name=name, dtype="float32", autocast=False)
        out = width * self.EXPANSION
        unit = functools.partial(ConvNorm, **how)
        self.reduce = unit(width, 1, make_norm(name="norm"), name="reduce")
        self.spatial = unit(width, 3, make_norm(name="norm"), stride, name="spatial")
        self.expand = unit(
            out, 1, make_norm(name="norm", gamma_initializer="zeros"), relu=False, name="expand"
        )
        self.shortcut = (
            unit(out, 1, make_norm(name="norm"), stride, relu=False, name="shortcut")
            if project
            else None
        )

    @property
    def units(self) -> list[ConvNorm]:
        """The block's convolutions."""
        units = [self.reduce, self.spatial, self.expand]
        return units + [self.shortcut] if self.shortcut else units

    def build(self, input_shape):
        """Makes the variables."""
        self.reduce.build(input_shape)
        inner = (*input_shape[:-1], self.reduce.filters)
        self.spatial.build(inner)
        self.expand.build(inner)
        if self.shortcut:
            self.shortcut.build(input_shape)

    def forward(self, x: tf.Tensor, unit: ApplyUnit) -> tf.Tensor:
        """Computes the block, its convolutions by `unit`."""
        y = unit(self.expand, unit(self.spatial, unit(self.reduce, x)))
        shortcut = unit(self.shortcut, x) if self.shortcut else x
        return tf.nn.relu(y + shortcut)


@MODELS.register("resnet", paper="He et al., 2016")
class ResNet(Model):
    """Bottleneck ResNet over any list of stages.

    Depth is ``3 * sum(blocks) + 2``: (3, 4, 6, 3) is ResNet-50, (3, 4, 23, 3)
    ResNet-101 and (3, 8, 36, 3) ResNet-152. Each stage after the first halves
    the resolution and doubles the width.

    Args:
        blocks: bottleneck blocks of each stage.
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer; takes ``name`` and ``gamma_initializer``.
        width: channels of the first stage's inner convolutions; 64 in the paper.
        stem: ``imagenet`` (7x7 stride 2, then 3x3 max-pool stride 2) or ``small``
            (one 3x3).
        pixel_mean: subtracted from the pixels, one number or one per channel.
        pixel_std: divides the pixels; the defaults map 0..255 to -1..1, as the
            released pipeline does.
        initializer: what the convolutions' kernels are drawn from, at variance
            2 / fan out: ``truncated_normal``, as in the released pipeline, or
            ``untruncated_normal``.
        padding: of strided convolutions and the pooling: ``same``, as in the released
            pipeline, whose odd zero is at the end, or ``symmetric``, as PyTorch's ResNets
            have it.
    """

    STEMS = ("imagenet", "small")

    def __init__(
        self,
        blocks: Sequence[int],
        image_shape: Sequence[int],
        classes: int,
        make_norm: Callable[..., Norm],
        width: int = 64,
        stem: str = "imagenet",
        pixel_mean: float | Sequence[float] = 127.5,
        pixel_std: float | Sequence[float] = 127.5,
        initializer: str = "truncated_normal",
        padding: str = "same",
    ):
        check(len(blocks) > 0 and min(blocks) > 0, "ResNet.blocks", "be numbers > 0", blocks)
        check(width > 0, "ResNet.width", "be > 0", width)
        check_choice("ResNet.stem", stem, self.STEMS)
        check_choice("ResNet.initializer", initializer, DISTRIBUTIONS)
        check_choice("ResNet.padding", padding, PADDINGS)
        super().__init__(image_shape, classes, pixel_mean, pixel_std, name="resnet")
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        how = {"initializer": initializer, "padding": padding}
        self.stem = ConvNorm(width, kernel, make_norm(name="norm"), stride, name="stem", **how)
        self.padding = padding
        self.pooled_stem = stem == "imagenet"
        self.blocks = [
            Bottleneck(
                width * 2**stage,
                stride=2 if stage > 0 and block == 0 else 1,
                project=block == 0,
                make_norm=make_norm,
                how=how,
                name=f"stage{stage + 1}_block{block + 1}",
            )
            for stage, count in enumerate(blocks)
            for block in range(count)
        ]
        self.head = keras.layers.Dense(
            classes, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name="head"
        )
        self._build_layers()

    def _build_layers(self):
        self.stem.build((None, None, None, self.image_shape[-1]))
        channels = self.stem.filters
        for block in self.blocks:
            block.build((None, None, None, channels))
            channels = block.expand.filters
        self.head.build((None, channels))
        self.built = True

    @property
    def units(self) -> list[ConvNorm]:
        """Every convolution of the network."""
        return [self.stem, *(unit for block in self.blocks for unit in block.units)]

    def forward(self, x: tf.Tensor, unit: ApplyUnit, arrange: Arrange = as_it_is) -> tf.Tensor:
        """Maps normalized images to float32 logits; see `Model.forward`."""
        x = unit(self.stem, x)
        if self.pooled_stem:
            x = tf.nn.max_pool2d(x, 3, 2, for_tensorflow(padding_of(self.padding, 3, 2)))
        for block in self.blocks:
            x = through(block, arrange(x), unit)
        pooled = tf.reduce_mean(tf.cast(x, tf.float32), [1, 2])
        return self.head(tf.reshape(pooled, [-1, x.shape[-1]]))
