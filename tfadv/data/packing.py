"""Image folders packed into a few large files with random access."""

import dataclasses
import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfadv.data.bad_images import BadImages
from tfadv.data.centre_square import sides
from tfadv.data.encoded_source import EncodedSource
from tfadv.data.image_files.headers import Header
from tfadv.data.image_index import ImageIndex, header_of
from tfadv.data.packed import DESCRIPTION, index_name
from tfadv.data.source import Splits
from tfadv.data.tensorflow_errors import first_line
from tfadv.errors import UserError, check, check_choice
from tfadv.files import new_folder, write_json
from tfadv.progress import Progress

JPEG, PNG = "jpeg", "png"
# Images that are read at once, while others are written.
_AT_ONCE = 256
_THREADS = 16


@dataclasses.dataclass(frozen=True)
class Resizing:
    """How images are made smaller before they are packed; smaller ones stay as they are.

    Attributes:
        shorter_side: in pixels, afterwards.
        image_format: ``jpeg``, with colours as fine as brightness (4:4:4), or ``png``, which
            loses nothing more.
        quality: of JPEGs, 1..100.
    """

    shorter_side: int
    image_format: str = JPEG
    quality: int = 95

    def __post_init__(self):
        check(self.shorter_side > 0, "shorter_side", "be > 0", self.shorter_side)
        check_choice("image_format", self.image_format, (JPEG, PNG))
        check(1 <= self.quality <= 100, "quality", "be in 1..100", self.quality)

    def applies(self, header: Header) -> bool:
        """Returns whether an image is made smaller."""
        return min(header.height, header.width) > self.shorter_side

    @property
    def least_bytes(self) -> float:
        """The least that an image of a scene takes, unless it takes less as it is."""
        return self.shorter_side**2 / 10

    def encoder(self, source: EncodedSource) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns a function from an image's number to its file, a scalar string."""
        if self.image_format == JPEG and source.channels not in (1, 3):
            raise UserError(
                f"{source.name}: a JPEG has no {source.channels} channels: image_format = '{PNG}'"
            )
        bicubic = dataclasses.replace(source.view.bicubic, whole_pixels=True)

        @tf.function(input_signature=[tf.TensorSpec([], tf.int64)], autograph=False)
        def encode(index):
            image, _ = source.open(index)
            size = sides(image.shape, self.shorter_side)
            pixels = tf.cast(bicubic.whole(image, size), tf.uint8)
            if self.image_format == PNG:
                return tf.io.encode_png(pixels)
            return tf.io.encode_jpeg(pixels, quality=self.quality, chroma_downsampling=False)

        return encode.get_concrete_function()


def pack(
    splits: Splits,
    folder: Path,
    resizing: Resizing | None = None,
    bad_images: BadImages | None = None,
    images_per_shard: int = 10_000,
    quiet: bool = False,
) -> None:
    """Writes images as ``Experiment.dataset = 'packed'`` reads them, whole or not at all.

    The order is that of the splits, and files stay as they are byte by byte; with `resizing`
    they are turned upright if the source turns them, resized as the source resizes them, and
    encoded again. TensorFlow Datasets opens the folder too (``builder_from_directory``).

    Args:
        splits: images of files.
        folder: to write; there must be none of that name.
        resizing: how images are made smaller; None leaves them as they are.
        bad_images: what becomes of images that can't be read; those that are skipped keep
            their numbers, and the packed set names them again. None stops at them.
        images_per_shard: in one file.
        quiet: prints no progress.

    Raises:
        UserError: there is something of that name, it can't be written or has no space, or the
            images are not of files.
        BadImagesError: images can't be read, and the policy is to stop.
    """
    if folder.exists() or folder.is_symlink():
        raise UserError(f"'{folder}' exists: nothing is overwritten, choose another name")
    for source in splits:
        source.check_present()
        if not isinstance(source, EncodedSource):
            raise UserError(f"{source.name}: only images of files can be packed, not arrays")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _check_space(splits, folder.parent, resizing)
        with new_folder(folder) as partial:  # a folder of that name is a whole set
            writing = _Writing(splits, partial, resizing, images_per_shard, quiet)
            for split in Splits._fields:
                writing.write(split, bad_images or BadImages())
            writing.finish()
    except OSError as error:
        raise UserError(f"'{folder}' can't be written: {error}") from error


def _check_space(splits: Splits, folder: Path, resizing: Resizing | None) -> None:
    """Raises `UserError` if a disk has less space than images take at the very least."""
    at_most = resizing.least_bytes if resizing else math.inf
    sizes = (source.size(number) for source in splits for number in range(len(source)))
    needed, free = sum(min(size, at_most) for size in sizes), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"'{folder}' has {free / 1e9:.1f} GB of free space, and the packed images take "
            f"{needed / 1e9:.1f} GB at least: choose a folder on another disk"
        )


class _Writing:
    """The writing of one set."""

    def __init__(self, splits, partial, resizing, images_per_shard, quiet):
        self._splits, self._partial, self._resizing = splits, partial, resizing
        self._quiet = quiet
        self._contents: dict[str, str] = {}
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, splits.train.channels)),
                "label": tfds.features.ClassLabel(names=[*map(_text, splits.train.class_names)]),
                "file_name": tfds.features.Text(),
            }
        )
        version = tfds.core.Version("1.0.0")
        identity = tfds.core.dataset_info.DatasetIdentity("packed", version, str(partial), __name__)
        self._info = tfds.core.DatasetInfo(builder=identity, features=features)
        self._writer = tfds.core.SequentialWriter(
            self._info, images_per_shard, file_format="array_record"
        )
        self._writer.initialize_splits(Splits._fields)

    def write(self, split: str, bad_images: BadImages) -> None:
        """Writes a split's shards, and what is known of its images."""
        source, contents = getattr(self._splits, split), hashlib.sha256()
        parts, done = [], 0
        with Progress(f"{source.name} packed", len(source), quiet=self._quiet) as progress:
            for images in _packed(source, self._resizing):
                self._add(split, images)
                for image in images:
                    if image.content is not None:
                        contents.update(hashlib.sha256(image.content).digest())
                parts.append(ImageIndex.of(image.known for image in images))
                done += len(images)
                progress.update(done)
        index = ImageIndex.joined(parts)
        new = {
            number: why for number, why in index.unreadable.items() if number not in source.skipped
        }
        bad_images.apply(source, new)
        names = [os.fsencode(source.path(number)) for number in range(len(source))]
        index.save(self._partial / index_name(split), names=np.array(names, "S"))
        self._contents[split] = contents.hexdigest()

    def _add(self, split: str, images: list["_Image"]) -> None:
        records = [
            {"image": image.content or b"", "label": image.label, "file_name": _text(image.name)}
            for image in images
        ]
        try:
            self._writer.add_examples({split: records})
        except RuntimeError as error:  # of array_record, where a disk is full
            raise OSError(str(error)) from error

    def finish(self) -> None:
        """Closes all shards, and describes the set."""
        self._writer.close_all()
        resized = None
        if self._resizing:
            source = self._splits.train
            resized = dataclasses.asdict(self._resizing) | {
                "antialias": source.view.bicubic.antialias,
                "cubic_a": source.view.bicubic.cubic_a,
                "exif_orientation": source.exif_orientation,
                "channels": source.channels,
            }
        description = {
            "class_names": self._splits.train.class_names,
            "resized": resized,
            "splits": {
                split: {"contents": self._contents[split], "shards": self._shards(split)}
                for split in Splits._fields
            },
        }
        write_json(self._partial / DESCRIPTION, description)

    def _shards(self, split: str) -> list[dict[str, object]]:
        written = self._info.splits[split]
        pairs = zip(written.filenames, written.shard_lengths, strict=True)
        return [{"name": name, "examples": length} for name, length in pairs]


class _Image(NamedTuple):
    """An image as it is packed.

    Attributes:
        name: its file's, within the folder.
        label: its class.
        content: its file, or None if it can't be read.
        header: what the file says of itself, or why it can't be used.
    """

    name: str
    label: int
    content: bytes | None
    header: Header | str

    @property
    def known(self) -> tuple[int, int, Header | str]:
        """What the index says of it."""
        return self.label, len(self.content or b""), self.header


def _packed(source: EncodedSource, resizing: Resizing | None) -> Iterator[list[_Image]]:
    """Returns the images in their order, some at a time."""
    encode = resizing and resizing.encoder(source)

    def image(number: int) -> _Image:
        content, header = _read(source, number)
        larger = not isinstance(header, str) and resizing and resizing.applies(header)
        if larger:
            try:
                content = encode(tf.constant(number, tf.int64)).numpy()
                header = header_of(content)
            except tf.errors.OpError as error:
                header = f"can't be decoded: {first_line(error)}"
        return _Image(source.path(number), int(source.labels[number]), content, header)

    with ThreadPoolExecutor(_THREADS) as readers:
        for start in range(0, len(source), _AT_ONCE):
            yield [*readers.map(image, range(start, min(start + _AT_ONCE, len(source))))]


def _read(source: EncodedSource, number: int) -> tuple[bytes | None, Header | str]:
    """Returns a file, or None, and its header, or why it can't be used."""
    known = source.skipped.get(number) or source.unreadable.get(number)
    try:
        content = source.read(tf.constant(number, tf.int64)).numpy()
    except tf.errors.OpError as error:
        return None, known or f"can't be read: {first_line(error)}"
    return content, known or header_of(content)


def _text(name: str) -> str:
    """Returns a name as text, which those of files need not be."""
    return os.fsencode(name).decode("utf-8", "replace")
