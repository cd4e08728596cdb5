"""All images of a split are seen in their order, whatever source they are from."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shared.image_files import encoded
from shared.image_sets import smooth, write_pictures
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv.data import Source
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.encoded_source import EncodedSource
from tfadv.data.folder_source import FolderSource
from tfadv.errors import UserError
from tfadv.inspection.miniature import miniature
from tfadv.inspection.seen import UNREADABLE
from tfadv.inspection.survey import Survey

VIEW = CentreSquare(8, 8, Bicubic(-0.5, antialias=True, whole_pixels=True))


def surveyed(source, processes=1):
    done = []
    survey = Survey("all", source)
    survey.look(processes, done.append)
    assert done == sorted(done) and done[-1] == len(source)
    return survey


class Files(EncodedSource):
    """Image files that are records of something else than folders."""

    def __init__(self, files):
        super().__init__("files", np.arange(len(files)) % 2, ["a", "b"], VIEW)
        self._files = files

    def read(self, index):
        return tf.gather(tf.constant(self._files), index)

    def title(self, index):
        return f"record {index}"


class Plain(Source):
    """Images that are fetched, and no more is known of them."""

    def fetch(self, index):
        return tf.gather(tf.constant(PIXELS, tf.float32), index), tf.gather(LABELS, index)


@pytest.mark.parametrize(
    "make",
    [
        lambda: array_source(),
        lambda: Plain("plain", LABELS, NAMES, PIXELS.shape[1:]),
        lambda: Files([encoded("RGB", "png", pixels) for pixels in PIXELS]),
    ],
)
def test_images_of_any_source(make):
    source = make()
    survey = surveyed(source)
    assert survey.readable.all() and survey.heights.tolist() == [4] * 6
    assert survey.brightest.tolist() == PIXELS.max((1, 2, 3)).tolist()
    expected = [miniature(pixels) for pixels in PIXELS]
    np.testing.assert_array_equal(survey.miniatures, expected)
    assert survey.sizes.tolist() == [source.size(number) for number in range(6)]
    assert len(np.unique(survey.pixels, axis=0)) == len(np.unique(survey.contents, axis=0)) == 6


def test_records_that_cant_be_read_end_it():
    class Broken(Files):
        def read(self, index):
            return tf.io.read_file("/nothing here")

    with pytest.raises(UserError, match="files: 'record 0' can't be read: .*nothing here"):
        surveyed(Broken([b"", b""]))


def test_files_that_vanish_or_lack_channels_are_unreadable(tmp_path):
    paths = write_pictures(tmp_path, ("train",))
    Image.fromarray(smooth(50)).convert("CMYK").save(paths[2].with_suffix(".jpg"))
    source = FolderSource("photos", tmp_path / "train", ["blue", "red"], VIEW, True, channels=1)
    paths[0].unlink()
    survey = surveyed(source)
    reasons = {
        source.path(number): [(found.kind, found.reason) for found in findings]
        for number, findings in survey.findings.items()
    }
    assert reasons["blue/0.png"] == [(UNREADABLE, "can't be read: No such file or directory")]
    four_inks = "is a JPEG of four inks, of which no grey is made: convert it to RGB"
    assert (UNREADABLE, four_inks) in reasons["blue/2.jpg"]
    assert len(reasons) == 2 and survey.sizes[0] > 0


@pytest.mark.slow
def test_processes_see_the_same(tmp_path):
    files = [encoded("RGB", "png", smooth(seed)) for seed in range(200)]
    one, two = (surveyed(Files(files), processes) for processes in (1, 2))
    for values in ("contents", "pixels", "miniatures", "heights"):
        np.testing.assert_array_equal(getattr(one, values), getattr(two, values))
