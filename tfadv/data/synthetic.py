"""Images made from a seed, of any size and number of classes."""

import numpy as np

from tfadv.data.source import ArraySource, Splits
from tfadv.errors import check
from tfadv.randomness import check_seed
from tfadv.registry import DATASETS


@DATASETS.register("synthetic")
def synthetic(
    image_size: int = 32,
    classes: int = 10,
    train_examples: int = 1024,
    test_examples: int = 256,
    noise: float = 32.0,
    seed: int = 0,
) -> Splits:
    """Returns smooth coloured patterns, one for each class, under pixel noise.

    Args:
        image_size: height and width in pixels.
        classes: number of classes, at least 2.
        train_examples: images to train on.
        test_examples: images to evaluate on.
        noise: standard deviation of the noise in pixels of 0..255.
        seed: of the patterns and the noise.
    """
    check(image_size >= 4, "synthetic.image_size", "be >= 4", image_size)
    check(classes >= 2, "synthetic.classes", "be >= 2", classes)
    check_seed("synthetic.seed", seed)
    random = np.random.default_rng(seed)
    coarse = random.uniform(48, 208, (classes, 4, 4, 3))
    stretch = np.arange(image_size) * 4 // image_size
    patterns = coarse[:, stretch][:, :, stretch]
    names = [f"pattern {number}" for number in range(classes)]

    def split(name: str, examples: int) -> ArraySource:
        check(examples > 0, f"synthetic.{name}_examples", "be > 0", examples)
        labels = np.arange(examples) % classes
        images = patterns[labels] + random.normal(0, noise, (examples, image_size, image_size, 3))
        pixels = np.clip(np.rint(images), 0, 255).astype(np.uint8)
        return ArraySource(f"synthetic {name}", pixels, labels, names)

    return Splits(split("train", train_examples), split("test", test_examples))
