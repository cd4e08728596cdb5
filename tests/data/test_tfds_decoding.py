"""The pixels of TensorFlow Datasets whose images are JPEGs, for real: prepared from files."""

import numpy as np
import pytest
from shared.opencv import REFERENCE
from shared.prepared_sets.tiny_photographs import FILES

from tfadv.data.tfds import tfds


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("tiny_photographs", ("all_colour", "progressive")),
        ("tiny_grey_photographs", ("grey", "grey")),
    ],
)
def test_jpegs_are_decoded_as_those_of_folders(tmp_path, name, kinds):
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
