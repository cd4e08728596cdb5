"""Image sources, augmentation and the input pipeline."""

from tfadv.data import digits, image_folder, npz, synthetic, tfds  # noqa: F401  (they register)
from tfadv.data.source import ArraySource, Source, Splits

__all__ = ["ArraySource", "Source", "Splits"]
