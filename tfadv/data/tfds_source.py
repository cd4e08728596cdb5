"""Images of TensorFlow Datasets that are read one by one, and what is known of them."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_index import DamagedIndexError, ImageIndex, header_of
from tfadv.data.manifest import reads_contents
from tfadv.data.record_source import RecordSource
from tfadv.data.records import Records, Shard
from tfadv.data.tfds_set import PREPARE_AGAIN, TfdsSet
from tfadv.errors import UserError
from tfadv.progress import Progress

# Beside the shards, unless the user chooses another folder.
INDEX_FOLDER = "tfadv_index"
# Fewer are looked at in seconds, which nobody waits for.
_MANY = 20_000
# Bytes at a file's end, which say where each of its records begins.
_END = 2**16
_THREADS = 16


class TfdsSource(RecordSource):
    """One split of a set, read record by record.

    Each record is read once when the set is first used, for its class and its image's header;
    this is kept in a small file for each shard.

    Args:
        found: the set, prepared with random access.
        split: as TFDS has it, for messages.
        shards: the split's records.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.
        index_dir: where to keep what is known of the images; None keeps it beside them.

    Raises:
        UserError: a file is missing or damaged.
    """

    def __init__(
        self,
        found: TfdsSet,
        split: str,
        shards: Sequence[Shard],
        view: CentreSquare,
        exif_orientation: bool,
        channels: int,
        index_dir: Path | None,
    ):
        name = f"{found.builder.name} {split}"
        records = Records(name, shards, PREPARE_AGAIN)
        looks = _Looks(name, found, index_dir)
        index = looks.at(shards)
        super().__init__(
            name,
            records,
            index,
            found.class_names,
            view,
            exif_orientation,
            channels,
            found.image_key,
        )
        self.warnings = looks.warnings
        self._full_name = found.full_name

    def stored(self, way: str) -> dict[str, str]:
        """Returns digests of the set's version and of its files; see `Source.stored`."""
        shards = [(Path(shard.filename), shard) for shard in self._records.shards]
        parts = (f"{path.name} {shard.skip} {shard.take}" for path, shard in shards)
        found = {
            "names": digests.of_texts([self._full_name, *parts]),
            "sizes": digests.of_array(self._sizes),
        }
        if reads_contents(way, sum(path.stat().st_size for path, _ in shards)):
            found["contents"] = digests.of_files([path for path, _ in shards])
        return found


class _Looks:
    """Looks at every record once, and keeps what is seen."""

    def __init__(self, name: str, found: TfdsSet, index_dir: Path | None):
        self._name = name
        self._keys = (found.image_key, found.label_key)
        beside = Path(found.builder.info.data_dir) / INDEX_FOLDER
        chosen = index_dir and index_dir / found.full_name.replace("/", "-")
        self._folder = chosen or beside
        self.warnings: tuple[str, ...] = ()

    def at(self, shards: Sequence[Shard]) -> ImageIndex:
        """Returns what is known of some records."""
        whole = {
            shard.filename: shard._replace(skip=0, take=shard.examples_in_shard) for shard in shards
        }
        known = {file: self._kept(shard) for file, shard in whole.items()}
        new = [shard for file, shard in whole.items() if known[file] is None]
        total, done = sum(shard.take for shard in new), 0
        title = f"{self._name}: classes and sizes read, once for all runs"
        with (
            ThreadPoolExecutor(_THREADS) as readers,
            Progress(title, total, quiet=total < _MANY) as progress,
        ):
            for shard, index in zip(new, readers.map(self._look, new), strict=True):
                known[shard.filename] = index
                self._keep(shard, index)
                done += shard.take
                progress.update(done)
        return ImageIndex.joined(
            [known[shard.filename].sliced(shard.skip, shard.take) for shard in shards]
        )

    def _look(self, shard: Shard) -> ImageIndex:
        image_key, label_key = self._keys
        records = Records(self._name, [shard], PREPARE_AGAIN)

        def seen():
            for number in range(shard.take):
                try:
                    features = tf.train.Example.FromString(records[number]).features.feature
                except tf.errors.DataLossError as error:
                    raise UserError(
                        f"{self._name}: {records.place(number)} is damaged: {PREPARE_AGAIN}"
                    ) from error
                image = features[image_key].bytes_list.value[0]
                yield features[label_key].int64_list.value[0], len(image), header_of(image)

        return ImageIndex.of(seen())

    def _file(self, shard: Shard) -> Path:
        return self._folder / f"{Path(shard.filename).name}.npz"

    def _identity(self, shard: Shard) -> np.ndarray:
        """Returns what a file must have in common with the one that was looked at."""
        with open(shard.filename, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _END, 0))
            end = hashlib.sha256(file.read()).hexdigest()
        return np.array([*self._keys, str(size), end])

    def _kept(self, shard: Shard) -> ImageIndex | None:
        try:
            index, more = ImageIndex.load(self._file(shard))
        except DamagedIndexError:
            return None
        is_it = np.array_equal(more.get("identity", ()), self._identity(shard))
        return index if is_it else None

    def _keep(self, shard: Shard, index: ImageIndex) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            index.save(self._file(shard), identity=self._identity(shard))
        except OSError as error:
            self.warnings = (
                f"{self._name}: what was read of the images can't be kept in '{self._folder}' "
                f"({error.strerror}), and is read again at each start: choose a folder by "
                "tfds.index_dir",
            )
