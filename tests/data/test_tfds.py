"""TensorFlow Datasets for real: a set in memory, prepared from files, offline, and read back."""

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from shared.prepared_sets.tiny_shapes import FILES, NAMES, TinyShapes

from tfadv.data import ArraySource
from tfadv.data.tfds import tfds
from tfadv.errors import UserError


@pytest.fixture
def files(tmp_path):
    """Writes PNG files of random pixels; returns the pixels by split and class."""
    random = np.random.default_rng(0)
    FILES.clear()
    pixels = {}
    for split, count in (("train", 12), ("test", 6)):
        FILES[split] = tmp_path / split
        FILES[split].mkdir()
        for number in range(count):
            name = NAMES[number % 2]
            image = random.integers(0, 256, (6, 5, 3), np.uint8)
            Image.fromarray(image).save(FILES[split] / f"{name}_{number}.png")
            pixels.setdefault((split, number % 2), set()).add(image.tobytes())
    return pixels


def assert_read(splits, pixels):
    for split, source in zip(("train", "test"), splits, strict=True):
        assert source.class_names == tuple(NAMES) and source.image_shape == (6, 5, 3)
        found = {}
        for index in range(len(source)):
            image, label = source.fetch(index)
            image = image.numpy().astype(np.uint8).tobytes()
            found.setdefault((split, int(label)), set()).add(image)
        assert found == {key: value for key, value in pixels.items() if key[0] == split}


def test_a_set_is_prepared_from_files_and_then_read_from_disk(files, tmp_path, monkeypatch):
    kept = tmp_path / "prepared"
    assert_read(tfds("tiny_shapes", data_dir=str(kept)), files)
    for folder in FILES.values():
        for path in folder.iterdir():
            path.unlink()
    assert_read(tfds("tiny_shapes", data_dir=str(kept)), files)
    monkeypatch.delitem(tensorflow_datasets.core.registered._DATASET_REGISTRY, "tiny_shapes")
    assert_read(tfds("tiny_shapes", data_dir=str(kept)), files)  # without the set's code
    some = tfds("tiny_shapes", "train[:4]", "train[4:]+test", str(kept))
    assert [len(source) for source in some] == [4, 14]


def test_a_set_with_random_access_is_held_in_memory_too(files, tmp_path, monkeypatch):
    kept = tmp_path / "prepared"
    builder = tensorflow_datasets.builder("tiny_shapes", data_dir=kept)
    builder.download_and_prepare(file_format="array_record")
    monkeypatch.setenv("SETS", str(tmp_path))
    splits = tfds("tiny_shapes", data_dir="$SETS/prepared")
    assert_read(splits, files)
    assert all(isinstance(source, ArraySource) for source in splits)
    assert_read(tfds(str(kept / "tiny_shapes" / "1.0.0")), files)


def test_channels_of_a_set_in_memory_are_those_asked_for(files, tmp_path, monkeypatch):
    monkeypatch.setattr(TinyShapes, "SHAPE", (6, 5, 4))
    kept = str(tmp_path / "prepared")
    assert tfds("tiny_shapes", data_dir=kept, channels=4).train.image_shape == (6, 5, 4)
    with pytest.raises(UserError, match="tiny_shapes train: .* channels = 4 takes them"):
        tfds("tiny_shapes", data_dir=kept)
    with pytest.raises(UserError, match="tfds.channels must be 1, 2, 3 or 4, got 0"):
        tfds("tiny_shapes", data_dir=kept, channels=0)


def test_mistakes_are_reported_in_one_line(files, tmp_path, monkeypatch):
    kept = str(tmp_path / "prepared")
    with pytest.raises(UserError, match="no set 'tiny_shape'. Did you mean 'tiny_shapes'"):
        tfds("tiny_shape", data_dir=kept)
    with pytest.raises(
        UserError, match="tfds.test_split: 'tets' of tiny_shapes/1.0.0 can't be .*tets"
    ):
        tfds("tiny_shapes", test_split="tets", data_dir=kept)
    with pytest.raises(UserError, match="tfds.train_split: 'train.5:5.' of .* is empty"):
        tfds("tiny_shapes", "train[5:5]", data_dir=kept)
    with pytest.raises(UserError, match="image_size must be None .*, 6 x 5 pixels .*, got 8"):
        tfds("tiny_shapes", data_dir=kept, image_size=8)
    with pytest.raises(UserError, match="tfds.data_dir: '.NOWHERE/x' names an environment"):
        tfds("tiny_shapes", data_dir="$NOWHERE/x")
    Image.new("RGB", (9, 4)).save(FILES["test"] / "square_9.png")
    with pytest.raises(UserError, match="tfds.test_split: 'test' of tiny_shapes/1.0.0 can't be"):
        tfds("tiny_shapes", data_dir=str(tmp_path / "again"))
    (FILES["test"] / "triangle_10.png").write_bytes(b"")
    with pytest.raises(UserError, match="'tiny_shapes' can't be prepared: .*triangle") as message:
        tfds("tiny_shapes", data_dir=str(tmp_path / "once more"))
    assert "\n" not in message.value.message
    monkeypatch.setattr(TinyShapes, "_split_generators", lambda *_: 1 / 0)
    with pytest.raises(UserError, match="can't be prepared: division by zero"):
        tfds("tiny_shapes", data_dir=str(tmp_path / "broken"))


def test_sets_without_images_or_classes_are_refused(files, tmp_path, monkeypatch):
    features = tensorflow_datasets.features
    for what, message in (
        ({"picture": features.Image(), "label": features.ClassLabel(names=NAMES)}, "no feature"),
        ({"image": features.Image(), "label": features.Scalar(np.int64)}, "are no classes"),
        ({"image": features.Text(), "label": features.ClassLabel(names=NAMES)}, "are no images"),
    ):

        def info(self, what=what):
            return self.dataset_info_from_configs(features=features.FeaturesDict(what))

        monkeypatch.setattr(TinyShapes, "_info", info)
        with pytest.raises(UserError, match=message):
            tfds("tiny_shapes", data_dir=str(tmp_path / "other"))
