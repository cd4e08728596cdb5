"""TensorFlow Datasets for real: a set that is prepared from files, offline, and read back."""

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from shared.prepared_sets.tiny_shapes import FILES, NAMES, TinyShapes

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
    some = tfds("tiny_shapes", "train[:4]", "train[4:]", str(kept))
    assert [len(source) for source in some] == [4, 8]


def test_mistakes_are_reported_in_one_line(files, tmp_path, monkeypatch):
    kept = str(tmp_path / "prepared")
    with pytest.raises(UserError, match="no set 'tiny_shape'. Did you mean 'tiny_shapes'"):
        tfds("tiny_shape", data_dir=kept)
    with pytest.raises(UserError, match="tfds.test_split: 'tets' of tiny_shapes can't be .*tets"):
        tfds("tiny_shapes", test_split="tets", data_dir=kept)
    with pytest.raises(UserError, match="'train.5:5.' of tiny_shapes can't be read: .* no data"):
        tfds("tiny_shapes", "train[5:5]", data_dir=kept)
    Image.new("RGB", (9, 4)).save(FILES["test"] / "square_9.png")
    with pytest.raises(UserError, match="several sizes.*image_folder"):
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
    ):

        def info(self, what=what):
            return self.dataset_info_from_configs(features=features.FeaturesDict(what))

        monkeypatch.setattr(TinyShapes, "_info", info)
        with pytest.raises(UserError, match=message):
            tfds("tiny_shapes", data_dir=str(tmp_path / "other"))
