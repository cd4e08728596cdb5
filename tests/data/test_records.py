"""Records of array_record files by their numbers, and files that are not whole."""

import resource

import numpy as np
import pytest
import tensorflow as tf
from array_record.python.array_record_module import ArrayRecordWriter

from tfadv.data import records
from tfadv.data.records import Records, Shard
from tfadv.errors import UserError

CONTENTS = [bytes([number]) * (1 + 7 * number) for number in range(20)]
REMEDY = "write it again"


@pytest.fixture
def paths(tmp_path):
    """Returns two files of twelve and eight records."""
    found = [tmp_path / "first", tmp_path / "second"]
    for path, some in zip(found, (CONTENTS[:12], CONTENTS[12:]), strict=True):
        writer = ArrayRecordWriter(str(path), "group_size:1")
        for content in some:
            writer.write(content)
        writer.close()
    return found


def whole(paths):
    return [Shard.whole(path, count) for path, count in zip(paths, (12, 8), strict=True)]


def test_records_are_numbered_over_all_shards(paths):
    found = Records("some", whole(paths), REMEDY)
    assert [found[number] for number in range(len(found))] == CONTENTS
    assert found.place(11) == f"record 11 of {paths[0]}"
    assert found.place(12) == f"record 0 of {paths[1]}"
    with pytest.raises(IndexError):
        found.place(20)


def test_shards_may_be_parts_of_files_in_any_order(paths):
    parts = [Shard(str(paths[1]), 2, 3, 8), Shard(str(paths[0]), 5, 1, 12)]
    found = Records("some", parts, REMEDY)
    assert [found[number] for number in range(len(found))] == [*CONTENTS[14:17], CONTENTS[5]]
    assert found.place(3) == f"record 5 of {paths[0]}"


def test_many_threads_get_the_records_that_they_ask_for(paths):
    found = Records("some", whole(paths), REMEDY)
    numbers = np.random.default_rng(0).integers(0, 20, 3000)
    read = tf.data.Dataset.from_tensor_slices(numbers).map(found.read, num_parallel_calls=16)
    assert list(read.as_numpy_iterator()) == [CONTENTS[number] for number in numbers]


def test_a_record_that_is_not_there_is_an_error_of_tensorflow(paths):
    found = Records("some", whole(paths), REMEDY)
    for read in (found.__getitem__, found.read):
        with pytest.raises(tf.errors.DataLossError):
            read(tf.constant(20))
    with pytest.raises(tf.errors.OpError):
        list(tf.data.Dataset.range(20, 21).map(found.read))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b"no records"), "is damaged or was cut short"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged or was cut short"),
        (lambda path: path.rename(path.with_name("second")), "has 12 records instead of 8"),
    ],
)
def test_files_that_are_not_whole_are_named(paths, damage, message):
    damage(paths[0] if "12" in message else paths[1])
    shards = whole(paths)[1:] if "12" in message else whole(paths)
    with pytest.raises(UserError, match=f"^some: '.*second' {message}: write it again$"):
        Records("some", shards, REMEDY)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((20_000, 20_000), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
        ((256, 4096), (4096, 4096)),
        ((256, resource.RLIM_INFINITY), (records._HIGHEST_LIMIT, resource.RLIM_INFINITY)),
    ],
)
def test_the_limit_of_open_files_is_raised_where_it_is_near(paths, monkeypatch, limits, expected):
    changed = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: changed.append(new))
    Records("some", whole(paths), REMEDY)
    assert changed == ([expected] if expected else [])


def test_more_files_than_the_system_allows_are_refused(paths, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 257))
    with pytest.raises(UserError, match=r"some: 2 files are to be open .* a process 257: raise"):
        Records("some", whole(paths), REMEDY)
