"""A data set to start from: arrays of images and labels."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

import numpy as np

from tfadv.data import ArraySource, Splits
from tfadv.errors import check
from tfadv.randomness import check_seed
from tfadv.registry import DATASETS

CLASSES = ("lying", "standing")
SIDE = 12


@DATASETS.register("{name}", paper="Authors, year")
def {name}(train_examples: int = 1000, test_examples: int = 250, seed: int = 0) -> Splits:
    """Makes stripes under noise, which lie or stand.

    Args:
        train_examples: images to train on.
        test_examples: images to evaluate on.
        seed: of the stripes and the noise.
    """
    check_seed("{name}.seed", seed)

    def split(name: str, examples: int, stream: int) -> ArraySource:
        check(examples > 0, f"{name}.{{name}}_examples", "be > 0", examples)
        random = np.random.default_rng((seed, stream))
        labels = random.integers(len(CLASSES), size=examples)
        waves = np.sin(np.arange(SIDE) * 1.5 + random.uniform(0, 2 * np.pi, (examples, 1)))
        images = np.broadcast_to(waves[:, :, None], (examples, SIDE, SIDE)).copy()
        images[labels == 1] = images[labels == 1].swapaxes(1, 2)
        pixels = 128 + 80 * images[..., None] + random.normal(0, 20, (*images.shape, 3))
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        return ArraySource(f"{name} {{name}}", pixels, labels, CLASSES)

    return Splits(split("train", train_examples, 0), split("test", test_examples, 1))
'''
GIN = """# The images of {name}: an overlay for any recipe and scale.
import plugins.{name}
Experiment.dataset = '{name}'
{name}.train_examples = 1000
"""
