"""Common corruptions: sizes, draws, severities, mistakes."""

import numpy as np
import pytest
import scipy.ndimage
from shared.corrupting import corrupt, random_image

from tfadv.data import ArraySource
from tfadv.data.corruptions.corrupted import CORRUPTIONS, SEVERITIES, Corrupted
from tfadv.data.digits import digits
from tfadv.data.npz import npz
from tfadv.data.pipeline import evaluation_batches, evaluation_indices, some_examples
from tfadv.errors import UserError

# As published, the distance of the others doesn't grow with each severity.
MONOTONE = ["gaussian_noise", "shot_noise", "impulse_noise", "zoom_blur", "snow", "fog"]
MONOTONE += ["brightness", "contrast", "jpeg_compression"]
# Kinds that keep the mean of an image, up to what they do at the edges.
BLURS = ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "elastic_transform", "pixelate"]


def test_all_kinds_of_the_paper_but_frost_have_five_severities():
    assert len(CORRUPTIONS) == 14
    for corruption in CORRUPTIONS.values():
        assert len(corruption.small) == len(corruption.large) == len(SEVERITIES)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (32, 32, 3), (64, 40, 3), (65, 9, 1)])
@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_any_size_gives_an_image_of_its_size(kind, shape):
    image = random_image(*shape)
    for severity in (1, 5):
        found = corrupt(kind, severity, image)
        assert found.shape == shape and found.dtype == np.float32
        assert found.min() >= 0 and found.max() <= 255
    assert np.abs(found - image).mean() > 0.5


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay_in_range(kind, value):
    found = corrupt(kind, 5, np.full((8, 8, 3), value))
    assert found.min() >= 0 and found.max() <= 255


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_an_image_depends_on_its_index_and_not_on_the_batch(kind):
    source = digits().test
    corrupted = Corrupted(source, kind, 4, seed=1)
    assert len(corrupted) == len(source) and corrupted.classes == source.classes
    assert corrupted.image_shape == source.image_shape
    assert corrupted.class_names == source.class_names
    batch = some_examples(corrupted, 6)
    by_two = evaluation_batches(corrupted, evaluation_indices(corrupted, 6), 2)
    np.testing.assert_array_equal(batch["image"], np.concatenate([b["image"] for b in by_two]))
    for index, image, label in zip(batch["index"], batch["image"], batch["label"], strict=True):
        alone, its_label = corrupted.fetch(index)
        np.testing.assert_allclose(alone, image, atol=2e-3)
        assert int(label) == int(its_label) == source.labels[index]


@pytest.mark.parametrize("kind", ["gaussian_noise", "motion_blur", "fog", "elastic_transform"])
def test_seeds_and_indices_have_draws_of_their_own(kind):
    image = random_image(16, 16, 3).numpy()
    source = ArraySource("same", np.stack([image, image]), np.array([0, 0]), ["a"])
    first, again, other_seed = (Corrupted(source, kind, 3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.fetch(0)[0], again.fetch(0)[0])
    assert np.abs(first.fetch(0)[0] - first.fetch(1)[0]).mean() > 0.5
    assert np.abs(first.fetch(0)[0] - other_seed.fetch(0)[0]).mean() > 0.5


def test_wrong_kinds_and_severities_are_refused():
    source = digits().test
    with pytest.raises(UserError, match="Corrupted.kind is 'fogg'.*Did you mean 'fog'"):
        Corrupted(source, "fogg", 1, 0)
    for severity in (0, 6, 2.5):
        with pytest.raises(UserError, match=r"Corrupted.severity must be 1, 2, 3, 4 or 5, got"):
            Corrupted(source, "fog", severity, 0)


def check_monotone(kind, source, indices):
    distances = []
    for severity in SEVERITIES:
        corrupted = Corrupted(source, kind, severity, 0)
        changes = [corrupted.fetch(index)[0] - source.fetch(index)[0] for index in indices]
        distances.append(np.mean(np.square(changes)))
    assert distances == sorted(set(distances))


@pytest.mark.parametrize("kind", MONOTONE)
def test_digits_are_farther_off_with_each_severity(kind):
    check_monotone(kind, digits().test, range(30))


@pytest.mark.parametrize("kind", MONOTONE)
def test_real_photographs_are_farther_off_with_each_severity(kind, data_dir):
    path = str(data_dir / "cifar10" / "test_2k.npz")
    check_monotone(kind, npz(path, path).test, range(0, 2000, 100))


@pytest.mark.parametrize(("side", "deviation"), [(64, 0.04), (96, 0.08)])
def test_small_and_large_images_have_constants_of_their_own(side, deviation):
    found = corrupt("gaussian_noise", 1, np.full((side, side, 3), 127.5))
    assert found.std() / 255 == pytest.approx(deviation, rel=0.03)
    assert found.mean() == pytest.approx(127.5, abs=1)


@pytest.mark.parametrize("kind", BLURS)
@pytest.mark.parametrize("side", [32, 80])
def test_blurs_keep_plain_images_and_the_mean(kind, side):
    plain = np.full((side, side, 3), 77.0)
    image = scipy.ndimage.gaussian_filter(random_image(side, side, 3), (1, 1, 0))
    for severity in (1, 3, 5):
        np.testing.assert_allclose(corrupt(kind, severity, plain), 77, atol=1e-2)
        assert corrupt(kind, severity, image).mean() == pytest.approx(image.mean(), rel=0.03)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_large_images(kind):
    image = scipy.ndimage.gaussian_filter(random_image(224, 224, 3), (2, 2, 0))
    found = corrupt(kind, 5, image)
    assert found.shape == (224, 224, 3) and np.isfinite(found).all()
    assert np.abs(found - image).mean() > 1
