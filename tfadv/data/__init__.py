"""Image sources, their checks, augmentation and the input pipeline.

Everything here ends in images of 0..255 and labels. Models and attacks stay outside.
"""

import sys

if sys.argv[0] != "-m":  # `python -m tfadv.data` reads its flags first, and then this once more
    from tfadv.data import (  # noqa: F401  (they register)
        augmentation,
        chain,
        color_jitter,
        digits,
        given,
        image_folder,
        imagenet,
        inception_crop,
        npz,
        packed,
        rand_augment,
        random_erasing,
        synthetic,
        tfds,
    )
    from tfadv.data.from_python import arrays, dataset, files
    from tfadv.data.source import ArraySource, Source, Splits

__all__ = ["ArraySource", "Source", "Splits", "arrays", "dataset", "files"]
