"""MixUp and CutMix against NumPy, and partners at chance level."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.data.mixing import Mixing, partners

RANDOM = np.random.default_rng(0)
IMAGE, OTHER = RANDOM.uniform(0, 255, (2, 12, 18, 3)).astype(np.float32)
SEEDS = randomness.example_seeds(0, "mixing", tf.range(300))


def mixed(mixing):
    one = tf.function(lambda seed: mixing(tf.constant(IMAGE), lambda: tf.constant(OTHER), seed))
    return [tuple(part.numpy() for part in one(seed)) for seed in SEEDS]


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_mixup_is_a_sum_by_beta(alpha):
    results = mixed(Mixing(mixup_alpha=alpha))
    for image, share in results:
        np.testing.assert_allclose(image, share * IMAGE + (1 - share) * OTHER, atol=1e-3)
    shares = np.array([share for _, share in results])
    assert shares.min() >= 0 and shares.max() <= 1
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(shares.mean() - 0.5) < 4 * (variance / 300) ** 0.5
    assert abs(shares.var() / variance - 1) < 0.35


def test_cutmix_pastes_a_rectangle_whose_share_is_what_the_other_has():
    results = mixed(Mixing(cutmix_alpha=1.0))
    sizes, corners = [], set()
    for image, share in results:
        pasted = np.all(image == OTHER, -1)
        assert np.all(pasted | np.all(image == IMAGE, -1))
        assert share == pytest.approx(1 - pasted.mean(), abs=1e-6)
        rows, columns = np.flatnonzero(pasted.any(1)), np.flatnonzero(pasted.any(0))
        assert pasted.sum() == len(rows) * len(columns)
        if len(rows):
            assert pasted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
            corners.add((rows[0], columns[0]))
            inside = rows[0] > 0 and rows[-1] < 11 and columns[0] > 0 and columns[-1] < 17
            sizes += [(len(rows), len(columns))] if inside else []
    assert len(corners) > 50
    # One that isn't clipped has the image's shape: sides 12·r and 18·r for one r.
    possible = {(int(12 * r), int(18 * r)) for r in np.linspace(0, 1, 2000)}
    assert len(set(sizes)) > 10 and set(sizes) <= possible


def test_each_image_is_mixed_one_way_or_none():
    results = mixed(Mixing(0.4, 1.0, cutmix_probability=0.25, probability=0.8))
    untouched = np.mean([np.array_equal(image, IMAGE) for image, _ in results])
    whole = [np.all((image == IMAGE) | (image == OTHER)) for image, _ in results]
    cut = np.mean(whole) - untouched
    assert 0.13 < untouched < 0.34  # 0.2, and what CutMix pastes nothing into
    assert 0.12 < cut < 0.28
    for image, share in results:
        if np.array_equal(image, IMAGE):
            assert share == 1


def test_partners_are_any_others_of_the_pass():
    images, passes = 50, 40
    index = tf.range(images * passes, dtype=tf.int64)
    found = partners(index, randomness.example_seeds(0, "mixing", index), images).numpy()
    index = index.numpy()
    assert np.all(found != index) and np.all(found // images == index // images)
    steps = (found - index) % images
    counts = np.bincount(steps, minlength=images)
    assert counts[0] == 0 and counts[1:].min() > 15 and counts.max() < 72  # 40.8 of each
    of_pass = steps.reshape(passes, images)
    between = np.corrcoef(of_pass)[np.triu_indices(passes, 1)]
    assert abs(between.mean()) < 0.02 and abs(between.std() - images**-0.5) < 0.03
    assert abs(np.corrcoef(steps[:-1], steps[1:])[0, 1]) < 0.08


def test_what_mixes_nothing_is_off():
    assert not Mixing().is_on and not Mixing(1.0, probability=0.0).is_on
    assert Mixing(0.1).is_on and Mixing(cutmix_alpha=1.0).is_on
    with pytest.raises(ValueError, match="Mixing.probability must be in 0..1, got 2"):
        Mixing(1.0, probability=2)
    said = "MixUp of 0.5 (alpha 0.2) and CutMix of 0.5 (alpha 1), with probability 1"
    assert str(Mixing(0.2, 1.0)) == said
