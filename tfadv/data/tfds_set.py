"""A prepared set of TensorFlow Datasets, found, checked and opened."""

import contextlib
import dataclasses
import math
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets

from tfadv.data.paths import expanded
from tfadv.data.records import Shard
from tfadv.errors import UserError, nearest

ARRAY_RECORD = tensorflow_datasets.core.FileFormat.ARRAY_RECORD
PREPARE_AGAIN = "copy it again, or prepare the set again"
_DESCRIPTION = "dataset_info.json"


@dataclasses.dataclass(frozen=True)
class TfdsSet:
    """A set of images and their classes, described but perhaps not prepared yet.

    Attributes:
        builder: TFDS' own.
        image_key: the feature of the image.
        label_key: the feature of the class.
    """

    builder: tensorflow_datasets.core.DatasetBuilder
    image_key: str
    label_key: str

    @classmethod
    def find(cls, name: str, data_dir: str | None, image_key: str, label_key: str) -> "TfdsSet":
        """Returns a set by its name.

        Args:
            name: as TFDS has it, or the folder of a prepared set.
            data_dir: where TFDS keeps its files; None takes TFDS' own default.
            image_key: the feature of the image.
            label_key: the feature of the class.

        Raises:
            UserError: there is no such set or feature, or it isn't one of images and classes.
        """
        folder = Path(expanded(name, "tfds.name"))
        with mistakes("tfds.name", f"'{name}' can't be found"):
            if (folder / _DESCRIPTION).is_file():
                builder = tensorflow_datasets.builder_from_directory(folder)
            else:
                where = data_dir and expanded(data_dir, "tfds.data_dir")
                builder = _named(name, where)
        _check_features(name, builder.info.features, image_key, label_key)
        return cls(builder, image_key, label_key)

    @property
    def full_name(self) -> str:
        """The set's name, configuration and version."""
        return self.builder.info.full_name

    @property
    def class_names(self) -> list[str]:
        """The names of the classes."""
        return self.builder.info.features[self.label_key].names

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Height, width and channels of the images, None where they differ."""
        return self.builder.info.features[self.image_key].shape

    @property
    def dtype(self) -> np.dtype:
        """The type of the pixels."""
        return np.dtype(self.builder.info.features[self.image_key].np_dtype)

    def prepare(self, random_access: bool) -> None:
        """Downloads and prepares the set, if it isn't prepared yet.

        Args:
            random_access: whether to write files whose records are read in any order.

        Raises:
            UserError: it can't be done.
        """
        with mistakes("tfds.name", f"'{self.builder.name}' can't be prepared"):
            self.builder.download_and_prepare(file_format=ARRAY_RECORD if random_access else None)

    def with_random_access(self) -> "TfdsSet":
        """Returns the prepared set by those of its files whose records are read in any order.

        Raises:
            UserError: there are none, or their images are not those of image files.
        """
        image = self.builder.info.features[self.image_key]
        if not isinstance(image, tensorflow_datasets.features.Image) or self.dtype != np.uint8:
            raise UserError(
                f"tfds.in_memory_gib: images of {self.full_name} aren't JPEGs or PNGs of 8 bits, "
                "and must be held in memory",
                "tfds.in_memory_gib",
            )
        folder = self.builder.data_dir
        # By the set's code not all formats of the files are known.
        builder = tensorflow_datasets.builder_from_directory(folder)
        if ARRAY_RECORD not in builder.info.available_file_formats():
            raise UserError(
                f"tfds.name: '{self.full_name}' is prepared as {builder.info.file_format.value}, "
                "which can't be read in any order, and is not to be held in memory: where "
                "apache-beam and mlcroissant are installed, tfds convert_format "
                f"--dataset_version_dir={shlex.quote(str(folder))} "
                f"--out_file_format={ARRAY_RECORD.value}",
                "tfds.name",
            )
        if builder.info.file_format != ARRAY_RECORD:
            builder.info.set_file_format(ARRAY_RECORD, override=True, override_if_initialized=True)
        return dataclasses.replace(self, builder=builder)

    def shards(self, parameter: str, split: str) -> list[Shard]:
        """Returns the records of a split in their order.

        Args:
            parameter: that names the split, for messages.
            split: such as ``train``, ``train[:10%]`` or ``train+validation``.

        Raises:
            UserError: there is no such split, or nothing is in it.
        """
        with mistakes(parameter, f"'{split}' of {self.full_name} can't be read"):
            found = self.builder.info.splits[split].file_instructions
        if not found:
            raise UserError(f"{parameter}: '{split}' of {self.full_name} is empty", parameter)
        return [Shard(f.filename, f.skip, f.take, f.examples_in_shard) for f in found]

    def examples(self, parameter: str, split: str) -> int:
        """Returns how many records a split has; see `shards`."""
        return sum(shard.take for shard in self.shards(parameter, split))

    def decoded_bytes(self, examples: int) -> float:
        """Returns how much memory so many images take; infinite where their sizes differ."""
        if None in self.shape:
            return math.inf
        return examples * math.prod(self.shape) * self.dtype.itemsize


def _named(name: str, data_dir: str | None) -> tensorflow_datasets.core.DatasetBuilder:
    try:
        return tensorflow_datasets.builder(name, data_dir=data_dir)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise UserError(f"tfds.name: no set '{name}'.{nearest(name, known)}", "tfds.name") from None


def _check_features(name: str, features, image_key: str, label_key: str) -> None:
    for parameter, wanted in (("image_key", image_key), ("label_key", label_key)):
        if wanted not in features:
            raise UserError(
                f"tfds.{parameter}: '{name}' has no feature '{wanted}', but {', '.join(features)}",
                f"tfds.{parameter}",
            )
    if not getattr(features[label_key], "names", None):
        raise UserError(
            f"tfds.label_key: '{label_key}' of '{name}' are no classes", "tfds.label_key"
        )
    shape = features[image_key].shape
    if not isinstance(shape, tuple) or len(shape) != 3:
        raise UserError(
            f"tfds.image_key: '{image_key}' of '{name}' are no images, but have shape {shape}",
            "tfds.image_key",
        )


@contextlib.contextmanager
def mistakes(parameter: str, what: str) -> Iterator[None]:
    """Reports in one line what TFDS met: the network, the disk or the set's own code."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{parameter}: {what}: {_cause(error)}", parameter) from error


def _cause(error: BaseException) -> str:
    """Returns an exception's first line, and that of what it is due to, if it doesn't say so."""
    root = error
    while root.__cause__ or root.__context__:
        root = root.__cause__ or root.__context__
    message, reason = (_first_line(each) for each in (error, root))
    return message if reason in message else f"{message} ({reason})"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
