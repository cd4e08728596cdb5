"""ImageNet: where its images are, how they are seen and how they are augmented."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import draw
from tfadv.data.image_folder import CentreSquare, image_folder
from tfadv.data.imagenet import imagenet
from tfadv.data.inception_crop import COMPONENTS, DEVIATIONS, InceptionCrop
from tfadv.data.pipeline import Shares, train_batches
from tfadv.errors import UserError


def test_imagenet_can_be_planned_where_it_is_not(monkeypatch):
    monkeypatch.delenv("IMAGENET_DIR", raising=False)
    splits = imagenet()
    assert (len(splits.train), len(splits.test), splits.train.classes) == (1_281_167, 50_000, 1000)
    with pytest.raises(UserError, match=r"imagenet.folder: '\$IMAGENET_DIR' is no folder here"):
        splits.train.check_present()


def test_imagenet_is_a_thousand_folders(folder, monkeypatch):
    (folder / "test").rename(folder / "val")
    monkeypatch.setenv("IMAGENET_DIR", str(folder))
    with pytest.raises(UserError, match="has 2 classes instead of 1000"):
        imagenet()


def test_the_centre_after_the_shorter_side(folder):
    """Bicubic without antialiasing is an interpolation: at the same size it changes nothing."""
    whole = image_folder(str(folder / "train"), str(folder / "test"), 8, None, antialias=False)
    image, _ = whole.test.fetch_original(0)
    side = min(image.shape[:2])
    view = CentreSquare(side - 2, side, antialias=False)(image)
    top, left = ((size - (side - 2)) // 2 for size in image.shape[:2])
    expected = image[top : top + side - 2, left : left + side - 2]
    np.testing.assert_allclose(view, expected, atol=1e-3)
    with pytest.raises(UserError, match="image_folder.shorter_side must be >= image_size = 8"):
        image_folder(str(folder / "train"), str(folder / "test"), 8, 7)


def jittered(image, seed, **arguments):
    chosen = {"jitter": 0.0, "lighting": 0.0, "flip": False, "area": (1.0, 1.0)} | arguments
    crop = InceptionCrop(12, aspect_ratio=(1.0, 1.0), **chosen)
    return crop(image, randomness.example_seeds(0, "augmentation", tf.constant([seed]))[0])


@pytest.fixture
def square():
    return tf.constant(np.random.default_rng(0).uniform(60, 140, (12, 12, 3)), tf.float32)


def test_a_whole_crop_without_jitter_is_the_image(square):
    np.testing.assert_allclose(jittered(square, 0), square, atol=1e-3)
    mirrored = {
        bool(np.allclose(jittered(square, n, flip=True), square[:, ::-1])) for n in range(9)
    }
    assert mirrored == {True, False}


def test_crops_keep_to_their_area_and_aspect():
    """The image's pixels say where they come from: x in red, y in green."""
    grid = np.stack(np.meshgrid(np.arange(200.0), np.arange(100.0)), -1)
    image = tf.constant(np.concatenate([grid, grid[..., :1]], -1), tf.float32)
    crop = InceptionCrop(32, jitter=0.0, lighting=0.0)
    seen = []
    for seed in randomness.example_seeds(0, "augmentation", tf.range(60)):
        corner = crop(image, seed).numpy()
        width = np.ptp(corner[..., 0]) * 32 / 31
        height = np.ptp(corner[..., 1]) * 32 / 31
        seen.append((width * height / 20_000, width / height))
        assert corner.min() >= 0
    areas, aspects = np.array(seen).T
    # The largest crop of aspect 4/3 in an image of aspect 2 has two thirds of its area.
    assert 0.07 < areas.min() < 0.2 and 0.5 < areas.max() < 0.7
    assert 0.7 < aspects.min() < 0.85 and 1.2 < aspects.max() < 1.4


def test_the_order_of_the_jitter_is_random_and_each_step_is_numpys():
    """Of colours that clip: else all orders give the same image."""
    x = np.random.default_rng(0).uniform(0, 255, (12, 12, 3)).astype(np.float32)

    def brightness(x, factor):
        return x * factor

    def contrast(x, factor):
        return x * factor + x.mean((0, 1)) * (1 - factor)

    def saturation(x, factor):
        return x * factor + (x @ [0.299, 0.587, 0.114])[..., None] * (1 - factor)

    orders = set()
    for number in range(12):
        seed = randomness.example_seeds(0, "augmentation", tf.constant([number]))[0]
        factors = draw(seed, "jitter", (3,), 0.6, 1.4, tf.float32).numpy()
        found = jittered(tf.constant(x), number, jitter=0.4).numpy()
        for order in itertools.permutations(range(3)):
            expected = x
            for change in order:
                function = (brightness, contrast, saturation)[change]
                expected = np.clip(function(expected, factors[change]), 0, 255)
            if np.allclose(found, expected, atol=2e-2):
                orders.add(order)
                break
        else:
            pytest.fail(f"no order gives the image of seed {number}")
    assert len(orders) > 2


def test_lighting_shifts_along_the_principal_components(square):
    shifts = np.array(
        [(jittered(square, n, lighting=0.1) - square).numpy().mean((0, 1)) for n in range(300)]
    )
    spread = np.linalg.inv(COMPONENTS) @ shifts.T
    np.testing.assert_allclose(spread.std(1), 0.1 * DEVIATIONS, rtol=0.15)


def test_odd_photographs_are_read_and_augmented(data_dir):
    """Grey, rotated, tiny, huge and long ones."""
    files = sorted((data_dir / "imagenet1k_quirks_orig").rglob("*.[jJ][pP]*[gG]"))
    assert len(files) >= 40
    crop = InceptionCrop(224)
    view = CentreSquare(224, 256, antialias=False)
    for number, file in enumerate(files):
        original = tf.io.decode_image(tf.io.read_file(str(file)), 3, expand_animations=False)
        seed = randomness.example_seeds(0, "augmentation", tf.constant([number]))[0]
        for image in (crop(tf.cast(original, tf.float32), seed), view(original)):
            assert image.shape == (224, 224, 3)
            assert 0 <= np.min(image) < np.max(image) <= 255


def test_training_sees_whole_images_and_evaluation_their_centres(folder):
    source = image_folder(str(folder / "train"), str(folder / "test"), 8).train
    data = train_batches(source, InceptionCrop(12), 2, Shares(), seed=0, start=0)
    batch = next(iter(data.take(1)))
    assert batch["image"].shape == (2, 12, 12, 3)
