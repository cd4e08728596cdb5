"""Images and labels: their sources, augmentation and the input pipeline.

Whatever reads, checks or transforms images enters; it knows no model.
"""

from tfadv.data import (  # noqa: F401  (they register)
    augmentation,
    digits,
    image_folder,
    imagenet,
    inception_crop,
    npz,
    synthetic,
    tfds,
)
from tfadv.data.source import ArraySource, Source, Splits

__all__ = ["ArraySource", "Source", "Splits"]
