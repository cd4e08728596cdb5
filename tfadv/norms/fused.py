"""Normalization by moments over space, compiled for a CPU: the fewest passes over a map.

TensorFlow's own operations read and write a map some twenty times forward and backward, in
float32 even where it is bfloat16. XLA makes one loop of each of the sums and maps here.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import tensorflow as tf

from tfadv.devices.custom_gradients import custom_gradient
from tfadv.devices.local import has_accelerator

# Features of an image from which on compiling pays.
_ENOUGH = 8192
# A map's slices are added up feature by feature, with whole vectors, before a sum is left to do.
_SLICES = 8
# Features that a loop's innermost dimension has where there are so many.
_ROW = 128


def pays(x: tf.Tensor) -> bool:
    """Returns whether `normalized` is faster than TensorFlow's own operations.

    It is on a CPU, for maps of a known shape that are not tiny, however many images there are:
    replicas and micro-batches make no difference.
    """
    if has_accelerator() or not x.shape.is_fully_defined() or 0 in x.shape:
        return False
    return x.shape.rank == 5 or math.prod(x.shape[1:]) >= _ENOUGH


def normalized(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    groups: int,
    parts: int | None,
    epsilon: float,
    relu: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns ``γ·(x - μ) / √(σ² + ε) + β``, past a ReLU if asked for.

    Args:
        x: float32 or bfloat16 [N, H, W, C] of a known shape, or [1, H, W, N, C] as
            `batch_inside` has it. Arithmetic is float32.
        gamma: float32 [C].
        beta: float32 [C].
        groups: of neighbouring channels that share moments.
        parts: of the images that do, image i in part i mod `parts`; None for each alone.
        epsilon: added to σ².
        relu: whether a ReLU follows.

    Returns:
        The output, of shape and dtype of `x`; each image's μ and σ², float32 [N, C], whose
        gradient is not known.
    """
    shape, inside = x.shape, x.shape.rank == 5
    images = shape[3 if inside else 0]
    kernel = _Kernel(
        images, shape[1] * shape[2], shape[-1], inside, groups, parts or images, epsilon, relu
    )

    @custom_gradient
    def compute(x, gamma, beta):
        x = tf.reshape(x, kernel.view)
        run = functools.partial(_run, kernel)
        scale, offset, mean, variance = run(_Kernel.measured, x, gamma, beta)
        y = run(_Kernel.mapped, x, scale, offset)

        def gradient(dy, *_):
            dy = tf.reshape(dy, kernel.view)
            *back, of_gamma, of_beta = run(
                _Kernel.measured_back, dy, x, gamma, scale, offset, mean, variance
            )
            dx = run(_Kernel.mapped_back, dy, x, scale, offset, *back)
            return tf.reshape(dx, shape), of_gamma, of_beta

        return (tf.reshape(y, shape), *map(kernel.of_images, (mean, variance))), gradient

    return compute(x, gamma, beta)


@dataclasses.dataclass(frozen=True)
class _Kernel:
    """The computation for maps of one shape, in four parts: what is measured is no map's.

    Between them the few numbers [N, C] are written down, or XLA would compute them again for
    each feature.
    """

    images: int
    pixels: int
    channels: int
    inside: bool
    groups: int
    parts: int
    epsilon: float
    relu: bool

    @property
    def view(self) -> tuple[int, int, int]:
        """The shape in which maps are taken: what the second dimension counts is summed up."""
        if self.inside:
            return 1, self.pixels, self.images * self.channels
        most = max(1, _ROW // self.channels)
        pixels = _largest_divisor(self.pixels, most)
        return self.images, self.pixels // pixels, pixels * self.channels

    def measured(self, x, gamma, beta):
        """Returns scale, offset, μ and σ² as rows."""
        own = self._mean(lambda x: x, x)
        centre = own[:, None]
        squares = self._mean(lambda x: tf.square(x - centre), x)
        mean = self._pooled(own)
        variance = self._pooled(squares + tf.square(own - mean))
        scale = self._row(gamma) * self._inverse(variance)
        return scale, self._row(beta) - mean * scale, mean, variance

    def mapped(self, x, scale, offset):
        """Returns the output."""
        y = tf.cast(x, tf.float32) * scale[:, None] + offset[:, None]
        return tf.cast(tf.nn.relu(y) if self.relu else y, x.dtype)

    def measured_back(self, dy, x, gamma, scale, offset, mean, variance):
        """Returns rows of which the input's gradient is made, and those by γ and β."""
        before, centre = self._before_relu(scale, offset), mean[:, None]
        sums = self._mean(before, dy, x)
        inverse = self._inverse(variance)
        products = self._mean(lambda dy, x: before(dy, x) * (x - centre), dy, x) * inverse
        gamma = self._row(gamma)
        of_x = self._pooled(gamma * products) * tf.square(inverse)
        of_one = self._pooled(gamma * sums) * inverse - mean * of_x
        by_gamma, by_beta = (
            tf.reduce_sum(tf.reshape(v, [-1, self.channels]), 0) * self.view[1]
            for v in (products, sums)
        )
        return of_x, of_one, by_gamma, by_beta

    def mapped_back(self, dy, x, scale, offset, of_x, of_one):
        """Returns the gradient by the input."""
        wide = tf.cast(x, tf.float32)
        dy = self._before_relu(scale, offset)(tf.cast(dy, tf.float32), wide)
        dx = dy * scale[:, None] - wide * of_x[:, None] - of_one[:, None]
        return tf.cast(dx, x.dtype)

    def of_images(self, rows):
        """Returns what is the same in a whole row as [N, C]."""
        return tf.reshape(rows, [self.images, -1, self.channels])[:, 0]

    def _before_relu(self, scale, offset):
        """Returns a function that takes a gradient back through the ReLU."""
        scale, offset = scale[:, None], offset[:, None]
        return lambda dy, x: tf.where(x * scale + offset > 0, dy, 0) if self.relu else dy

    def _inverse(self, variance):
        return tf.math.rsqrt(variance + self.epsilon)

    def _row(self, values):
        """Returns [C] for each row's features."""
        return tf.tile(values, [self.view[2] // self.channels])

    def _pooled(self, rows):
        """Averages rows over what shares moments, and repeats the means."""
        split = (
            self.images // self.parts,
            self.parts,
            -1,
            self.groups,
            self.channels // self.groups,
        )
        values = tf.reshape(rows, split)
        means = tf.reduce_mean(values, [0, 2, 4], keepdims=True)
        return tf.reshape(tf.broadcast_to(means, values.shape), rows.shape)

    def _mean(self, term: Callable[..., tf.Tensor], *maps: tf.Tensor) -> tf.Tensor:
        """Returns rows, the mean over the second dimension of what `term` makes of float32 maps."""
        count = _largest_divisor(self.view[1], _SLICES)
        slices = zip(*(tf.split(x, count, axis=1) for x in maps), strict=True)
        terms = (term(*(tf.cast(part, tf.float32) for part in parts)) for parts in slices)
        return tf.reduce_sum(functools.reduce(tf.add, terms), 1) / self.view[1]


def _run(kernel, part, *arguments):
    specs = tuple(tf.TensorSpec(value.shape, value.dtype) for value in arguments)
    return _compiled(part, kernel, specs)(*arguments)


@functools.cache
def _compiled(part: Callable, kernel: _Kernel, specs: tuple[tf.TensorSpec, ...]) -> Callable:
    """Returns a part of the computation for XLA: one for all replicas and places of like maps."""
    run = tf.function(functools.partial(part, kernel), autograph=False, jit_compile=True)
    with tf.init_scope():
        return run.get_concrete_function(*specs)


def _largest_divisor(number: int, most: int) -> int:
    return max(d for d in range(1, most + 1) if number % d == 0)
