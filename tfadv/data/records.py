"""Records of array_record files, read one by one in any order."""

import os
import resource
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordReader

from tfadv.errors import UserError

# Opening files waits for disks and networks.
_THREADS = 16
# Files that a process opens besides.
_OTHER_FILES = 256
# Where the system names none.
_HIGHEST_LIMIT = 2**14


class Shard(NamedTuple):
    """Some records of a file, one after the other.

    The names of the fields are those that array_record and TensorFlow Datasets use.

    Attributes:
        filename: the file's path.
        skip: the first one's number in the file.
        take: how many there are.
        examples_in_shard: how many the whole file holds.
    """

    filename: str
    skip: int
    take: int
    examples_in_shard: int

    @classmethod
    def whole(cls, path: Path, examples: int) -> "Shard":
        """Returns all records of a file."""
        return cls(os.fspath(path), 0, examples, examples)


class Records:
    """The records of some shards, numbered in their order; each file stays open once used.

    Args:
        name: what they are of, for messages.
        shards: where they are.
        remedy: how to get shards that are whole.

    Raises:
        UserError: a file is missing or damaged, or too many would have to be open.
    """

    def __init__(self, name: str, shards: Sequence[Shard], remedy: str):
        self.shards = tuple(shards)
        _allow_open_files(name, len(self.shards))
        with ThreadPoolExecutor(_THREADS) as readers:
            problems = list(readers.map(_problem, self.shards))
        wrong = [
            f"'{shard.filename}' {problem}"
            for shard, problem in zip(self.shards, problems, strict=True)
            if problem
        ]
        if wrong:
            more = f" ({len(wrong)} such files)" if len(wrong) > 1 else ""
            raise UserError(f"{name}: {wrong[0]}{more}: {remedy}")
        self._source = ArrayRecordDataSource(self.shards)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> bytes:
        """Returns a record.

        Raises:
            tf.errors.DataLossError: it can't be read, or its checksum is another.
        """
        try:
            return self._source[int(index)]
        except (OSError, RuntimeError, ValueError) as error:
            raise tf.errors.DataLossError(None, None, str(error)) from error

    def read(self, index: tf.Tensor) -> tf.Tensor:
        """Returns record `index` (scalar int64), a scalar string, in a tf.data map."""
        record = tf.numpy_function(self.__getitem__, [index], tf.string, stateful=False)
        return tf.ensure_shape(record, [])

    def read_many(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns records, string [N], in a tf.data map; those that can't be read are empty."""
        records = tf.numpy_function(self._many, [indices], tf.string, stateful=False)
        return tf.ensure_shape(records, indices.shape)

    def _many(self, indices):
        records = np.empty(len(indices), object)
        for place, index in enumerate(indices):
            try:
                records[place] = self[index]
            except tf.errors.DataLossError:
                records[place] = b""
        return records

    def place(self, index: int) -> str:
        """Returns where a record is, for messages."""
        for shard in self.shards:
            if index < shard.take:
                return f"record {shard.skip + index} of {shard.filename}"
            index -= shard.take
        raise IndexError(index)


def _problem(shard: Shard) -> str:
    """Returns why a file can't be used, to complete "the file …", or ``""``."""
    if not Path(shard.filename).exists():
        return "is missing"
    try:
        reader = ArrayRecordReader(shard.filename)
        if not reader.ok():
            return "is damaged or was cut short"
        found = reader.num_records()
        reader.close()
    except (OSError, RuntimeError) as error:
        return f"can't be read: {error}"
    if found != shard.examples_in_shard:
        return f"has {found:,} records instead of {shard.examples_in_shard:,}"
    return ""


def _allow_open_files(name: str, count: int) -> None:
    """Raises this process's limit of open files, as far as it may, if so many come near it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = _HIGHEST_LIMIT if hard == resource.RLIM_INFINITY else hard
    if count + _OTHER_FILES > highest:
        raise UserError(
            f"{name}: {count:,} files are to be open at once, and this system allows a process "
            f"{highest:,}: raise its limit (ulimit -n), or use fewer, larger files"
        )
    # Other splits may need as many.
    if soft != resource.RLIM_INFINITY and 4 * count + _OTHER_FILES > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, highest), hard))
