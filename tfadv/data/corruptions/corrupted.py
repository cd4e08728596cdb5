"""Common corruptions (Hendrycks and Dietterich, 2019): noise, blur, weather and digital.

They are generated as images are fetched, so they suit any source. Frost is left
out, as it is made of photographs of ice.

Images whose sides have up to 64 pixels get the constants of CIFAR-10-C, larger
ones those of ImageNet-C, both as the authors released them. Lengths are in pixels
whatever the image's size, except those of pixelate and elastic_transform, which
scale with it. Unlike the released files, the results are neither rounded to
whole pixels nor, as those of ImageNet-C, compressed once more as JPEGs.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tfadv import randomness
from tfadv.data.corruptions import blur as blur
from tfadv.data.corruptions import digital as digital
from tfadv.data.corruptions import noise as noise
from tfadv.data.corruptions import weather as weather
from tfadv.data.source import Source
from tfadv.errors import check, check_choice

SEVERITIES = (1, 2, 3, 4, 5)
# The longest side of images that get the constants of CIFAR-10-C.
SMALL = 64


@dataclasses.dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes:
        function: makes an image in 0..1 of one in 0..1, a seed and constants.
        small: the constants of each severity in CIFAR-10-C.
        large: the constants of each severity in ImageNet-C.
    """

    function: Callable[..., tf.Tensor]
    small: tuple
    large: tuple

    def __call__(self, image: tf.Tensor, severity: int, seed: tf.Tensor) -> tf.Tensor:
        """Corrupts one image.

        Args:
            image: float32 [H, W, C] of known shape in 0..255, C 1 or 3.
            severity: one of `SEVERITIES`.
            seed: int64 [2], this example's stream.

        Returns:
            float32 [H, W, C] in 0..255.
        """
        by_severity = self.small if max(image.shape[:2]) <= SMALL else self.large
        constants = by_severity[severity - 1]
        constants = constants if isinstance(constants, tuple) else (constants,)
        corrupted = 255 * self.function(image / 255, seed, *constants)
        return tf.ensure_shape(tf.clip_by_value(corrupted, 0.0, 255.0), image.shape)


# ImageNet-C's elastic_transform takes the side of 224 pixels for 244.
_SIDE = 244 / 224

CORRUPTIONS = {
    "gaussian_noise": Corruption(
        noise.gaussian_noise,
        small=(0.04, 0.06, 0.08, 0.09, 0.10),
        large=(0.08, 0.12, 0.18, 0.26, 0.38),
    ),
    "shot_noise": Corruption(
        noise.shot_noise, small=(500, 250, 100, 75, 50), large=(60, 25, 12, 5, 3)
    ),
    "impulse_noise": Corruption(
        noise.impulse_noise,
        small=(0.01, 0.02, 0.03, 0.05, 0.07),
        large=(0.03, 0.06, 0.09, 0.17, 0.27),
    ),
    "defocus_blur": Corruption(
        blur.defocus_blur,
        small=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        large=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
    "glass_blur": Corruption(
        blur.glass_blur,
        small=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        large=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ),
    "motion_blur": Corruption(
        blur.motion_blur,
        small=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        large=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    ),
    "zoom_blur": Corruption(
        blur.zoom_blur,
        small=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
        large=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    ),
    "snow": Corruption(
        weather.snow,
        small=(
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        large=(
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "fog": Corruption(
        weather.fog,
        small=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        large=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    ),
    "brightness": Corruption(
        weather.brightness, small=(0.05, 0.1, 0.15, 0.2, 0.3), large=(0.1, 0.2, 0.3, 0.4, 0.5)
    ),
    "contrast": Corruption(
        digital.contrast, small=(0.75, 0.5, 0.4, 0.3, 0.15), large=(0.4, 0.3, 0.2, 0.1, 0.05)
    ),
    "elastic_transform": Corruption(
        digital.elastic_transform,
        small=(
            (0, 0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
        large=(
            (2 * _SIDE, 0.7 * _SIDE, 0.1 * _SIDE),
            (2 * _SIDE, 0.08 * _SIDE, 0.2 * _SIDE),
            (0.05 * _SIDE, 0.01 * _SIDE, 0.02 * _SIDE),
            (0.07 * _SIDE, 0.01 * _SIDE, 0.02 * _SIDE),
            (0.12 * _SIDE, 0.01 * _SIDE, 0.02 * _SIDE),
        ),
    ),
    "pixelate": Corruption(
        digital.pixelate, small=(0.95, 0.9, 0.85, 0.75, 0.65), large=(0.6, 0.5, 0.4, 0.3, 0.25)
    ),
    "jpeg_compression": Corruption(
        digital.jpeg_compression, small=(80, 65, 58, 50, 40), large=(25, 18, 15, 10, 7)
    ),
}


class Corrupted(Source):
    """A source's images, each with a corruption of its own draw.

    What is drawn depends on the seed, the kind, the severity and the image's
    index in the source, and on nothing else.

    Args:
        source: the images.
        kind: a name of `CORRUPTIONS`.
        severity: one of `SEVERITIES`.
        seed: of the draws.

    Raises:
        UserError: there is no such kind or severity.
    """

    def __init__(self, source: Source, kind: str, severity: int, seed: int):
        check_choice("Corrupted.kind", kind, CORRUPTIONS)
        check(severity in SEVERITIES, "Corrupted.severity", "be 1, 2, 3, 4 or 5", severity)
        name = f"{source.name} with {kind} {severity}"
        super().__init__(name, source.labels, source.class_names, source.image_shape)
        self._source = source
        self._corruption = CORRUPTIONS[kind]
        self._severity = int(severity)
        self._seed = seed
        self._purpose = f"{kind} {self._severity}"

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns example `index`, corrupted; see `Source.fetch`."""
        image, label = self._source.fetch(index)
        image = tf.ensure_shape(image, self.image_shape)
        seeds = randomness.example_seeds(self._seed, self._purpose, tf.reshape(index, [1]))
        return self._corruption(image, self._severity, seeds[0]), label

    def title(self, index: int) -> str:
        """Returns what an image is called; see `Source.title`."""
        return self._source.title(index)

    def problem(self, index: int) -> str:
        """Returns why an image can't be fetched now; see `Source.problem`."""
        return self._source.problem(index)

    def check_present(self) -> None:
        """Raises `UserError` if the source's images are not on this machine."""
        self._source.check_present()
