"""The pixels of TensorFlow Datasets whose images are JPEGs, for real: prepared from files."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets
from shared.opencv import REFERENCE

from tfadv.data.tfds import tfds

# What the sets below are made of, by split.
FILES = {}


class TinyPhotographs(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Files named CLASS_NAME.SUFFIX."""

    pkg_dir_path = Path(__file__).parent  # the tests are no package
    VERSION = tensorflow_datasets.core.Version("1.0.0")
    SHAPE = (24, 32, 3)

    def _info(self):
        features = tensorflow_datasets.features
        image, label = features.Image(shape=self.SHAPE), features.ClassLabel(num_classes=2)
        return self.dataset_info_from_configs(
            features=features.FeaturesDict({"image": image, "label": label})
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(paths) for split, paths in FILES.items()}

    def _generate_examples(self, paths):
        for path in paths:
            yield path.name, {"image": path, "label": int(path.name[0])}


class TinyGreyPhotographs(TinyPhotographs):
    """The same in grey."""

    SHAPE = (24, 32, 1)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("tiny_photographs", ("all_colour", "progressive")),
        ("tiny_grey_photographs", ("grey", "grey")),
    ],
)
def test_jpegs_are_decoded_as_everywhere_here(tmp_path, name, kinds):
    paths = []
    for label, kind in enumerate(kinds):
        paths.append(tmp_path / f"{label}_{kind}.jpg")
        paths[-1].write_bytes(REFERENCE[f"file_{kind}"].tobytes())
    FILES.update(train=paths, test=paths)
    source = tfds(name, data_dir=str(tmp_path / "prepared")).train
    for number in range(2):
        image, label = source.fetch(number)
        np.testing.assert_array_equal(image, REFERENCE[f"read_{kinds[int(label)]}"])
    assert sorted(source.labels) == [0, 1]
