"""What is known of images: kept as it was, cut and joined, or known to be damaged."""

import numpy as np
import pytest
from shared.image_files import encoded, with_orientation

from tfadv.data.image_files.headers import JPEG, PNG, Header
from tfadv.data.image_index import DamagedIndexError, ImageIndex, header_of

FILES = [encoded("RGB", "png"), b"", with_orientation(6), encoded("L", "jpeg"), b"no image"]
LABELS = [3, 1, 0, 2, 1]


def index():
    """Returns the index of five files, two of them no images."""
    return ImageIndex.of(
        (label, len(file), header_of(file)) for label, file in zip(LABELS, FILES, strict=True)
    )


def assert_equal(ours, theirs):
    for first, second in zip(ours[:3], theirs[:3], strict=True):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    assert ours.unreadable == theirs.unreadable
    assert [*ours.headers()] == [*theirs.headers()]


def test_it_says_what_the_files_do():
    found = index()
    assert found.labels.tolist() == LABELS and found.sizes.tolist() == [len(f) for f in FILES]
    empty, other = found.unreadable[1], found.unreadable[4]
    assert empty == "is empty" and other.startswith("is no JPEG")
    assert [*found.headers()] == [
        Header(PNG, 9, 13, 3),
        empty,
        Header(JPEG, 9, 13, 3, orientation=6),
        Header(JPEG, 9, 13, 1),
        other,
    ]


def test_parts_make_up_the_whole():
    parts = [index().sliced(start, count) for start, count in ((0, 2), (2, 0), (2, 1), (3, 2))]
    assert parts[0].unreadable == {1: "is empty"} and len(parts[1].labels) == 0
    assert_equal(ImageIndex.joined(parts), index())


def test_a_file_keeps_it(tmp_path):
    path = tmp_path / "a.npz"
    index().save(path, names=np.array([b"a", b"\xff"]))
    found, more = ImageIndex.load(path)
    assert_equal(found, index())
    assert more.keys() == {"names"} and more["names"].tolist() == [b"a", b"\xff"]
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_of_whole_images_alone_keeps_them(tmp_path):
    index().sliced(2, 2).save(tmp_path / "a.npz")
    assert_equal(ImageIndex.load(tmp_path / "a.npz")[0], index().sliced(2, 2))


@pytest.mark.parametrize("content", [None, b"", b"no arrays", 0.5])
def test_another_file_is_known_not_to_be_one(tmp_path, content):
    path = tmp_path / "a.npz"
    index().save(path)
    if content is None:
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(content * len(whole))] if content == 0.5 else content)
    with pytest.raises(DamagedIndexError):
        ImageIndex.load(path)


def test_other_arrays_are_known_not_to_be_one(tmp_path):
    np.savez(tmp_path / "a.npz", labels=np.zeros(3))
    with pytest.raises(DamagedIndexError):
        ImageIndex.load(tmp_path / "a.npz")
