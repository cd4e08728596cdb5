"""Real photographs against OpenCV itself, where it is installed beside the project."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_files.decoding import decoded, turned_upright
from tfadv.data.image_files.headers import read_header

pytestmark = pytest.mark.slow
VIEW = CentreSquare(224, 256, Bicubic(-0.75, antialias=False, whole_pixels=True))


@pytest.fixture(scope="module")
def cv2():
    return pytest.importorskip("cv2", reason="OpenCV is not installed: nothing to compare with")


def files(data_dir):
    """Returns 40 odd photographs, and every 40th of a thousand others."""
    found = []
    for name, step in (("imagenet1k_quirks_orig", 1), ("imagenet1k_one_per_class_s256", 40)):
        some = sorted(
            path
            for path in (data_dir / name).rglob("*")
            if path.suffix.lower() in (".jpg", ".jpeg")
        )
        found += some[::step]
    assert len(found) >= 65
    return found


def released_view(cv2, image):
    """Returns TensorPack's ResizeShortestEdge(256) and CenterCrop(224) of an image."""
    height, width = image.shape[:2]
    scale = 256 * 1.0 / min(height, width)
    longer = int(scale * max(height, width) + 0.5)
    size = (longer, 256) if height < width else (256, longer)
    resized = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    top, left = (int((side - 224) * 0.5) for side in resized.shape[:2])
    return resized[top : top + 224, left : left + 224]


def test_files_are_read_and_seen_as_by_opencv(cv2, data_dir):
    views = []
    for file in files(data_dir):
        expected = cv2.imread(str(file), cv2.IMREAD_COLOR)[..., ::-1]
        with open(file, "rb") as opened:
            turn = tf.constant(read_header(opened).orientation)
        image = turned_upright(decoded(tf.io.read_file(str(file))), turn)
        np.testing.assert_array_equal(image, expected)
        ours = VIEW(image).numpy()
        views.append(np.abs(ours - released_view(cv2, np.ascontiguousarray(expected))))
    largest = max(difference.max() for difference in views)
    mean = np.mean([difference.mean() for difference in views])
    print(
        f"OpenCV {cv2.__version__}, {len(views)} files at 224 pixels: "
        f"mean {mean:.5f}, max {largest:.0f} levels",
        file=sys.stderr,
    )
    assert largest <= 1 and mean < 0.05


def test_opencvs_own_resize_without_ipp_is_a_level_away_at_most(cv2, data_dir):
    """Its weights have 11 bits; it is that of processors that IPP isn't made for."""
    uses_ipp = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        images = [cv2.imread(str(file), cv2.IMREAD_COLOR) for file in files(data_dir)[:40:4]]
        differences = [
            np.abs(VIEW(image).numpy() - released_view(cv2, image)).ravel() for image in images
        ]
    finally:
        cv2.ipp.setUseIPP(uses_ipp)
    found = np.concatenate(differences)
    print(f"without IPP: mean {found.mean():.4f}, max {found.max():.0f} levels", file=sys.stderr)
    assert found.max() <= 1 and 0.001 < found.mean() < 0.1
