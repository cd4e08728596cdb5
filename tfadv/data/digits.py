"""Real handwritten digits that come with scikit-learn: no download."""

import numpy as np

from tfadv.data.source import ArraySource, Splits
from tfadv.errors import check
from tfadv.randomness import check_seed
from tfadv.registry import DATASETS


@DATASETS.register("digits")
def digits(test_examples: int = 500, split_seed: int = 0) -> Splits:
    """Returns the 1,797 grey digits of 8x8 pixels (UCI optical digits, test part).

    Args:
        test_examples: images held out for evaluation.
        split_seed: which ones.
    """
    from sklearn.datasets import load_digits  # half a second that other data need not take

    data = load_digits()
    total = len(data.target)
    in_range = 0 < test_examples < total
    check(in_range, "digits.test_examples", f"be in 1..{total - 1}", test_examples)
    check_seed("digits.split_seed", split_seed)
    order = np.random.default_rng(split_seed).permutation(total)
    images = data.images[order, :, :, None] * (255 / 16)
    labels = data.target[order]
    test, train = slice(test_examples), slice(test_examples, None)
    return Splits(
        ArraySource("digits train", images[train], labels[train], data.target_names),
        ArraySource("digits test", images[test], labels[test], data.target_names),
    )
