"""What is known of encoded images without reading them again, kept in a file."""

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.data.image_files.headers import Header, UnreadableImageError, read_header

_NO_HEADER = Header(0, 0, 0, 0)
_DAMAGED = (zipfile.BadZipFile, EOFError, KeyError, OSError, ValueError)


class ImageIndex(NamedTuple):
    """Labels and headers of encoded images; one value for each but in `unreadable`.

    Attributes:
        labels: int32 [N].
        sizes: in bytes, int64 [N].
        fields: of the headers, in the order of a `Header`, int32 [N, 5]; of an image that
            can't be read they mean nothing.
        unreadable: by number, why an image can't be read.
    """

    labels: np.ndarray
    sizes: np.ndarray
    fields: np.ndarray
    unreadable: dict[int, str]

    @classmethod
    def of(cls, examples: Iterable[tuple[int, int, Header | str]]) -> "ImageIndex":
        """Returns the index of labels, sizes, and headers or why there is none."""
        rows, unreadable = [], {}
        for number, (label, size, header) in enumerate(examples):
            if isinstance(header, str):
                unreadable[number], header = header, _NO_HEADER
            rows.append((label, size, *header))
        table = np.array(rows, np.int64).reshape(len(rows), 2 + len(_NO_HEADER))
        labels, sizes, fields = table[:, 0], table[:, 1], table[:, 2:]
        return cls(labels.astype(np.int32), sizes, fields.astype(np.int32), unreadable)

    @classmethod
    def joined(cls, parts: Sequence["ImageIndex"]) -> "ImageIndex":
        """Returns the index of some images and those that follow them."""
        unreadable, done = {}, 0
        for part in parts:
            unreadable |= {done + number: why for number, why in part.unreadable.items()}
            done += len(part.labels)
        return cls(
            *map(np.concatenate, zip(*(part[:3] for part in parts), strict=True)), unreadable
        )

    def sliced(self, start: int, count: int) -> "ImageIndex":
        """Returns the index of some of the images."""
        kept = {n - start: why for n, why in self.unreadable.items() if 0 <= n - start < count}
        return ImageIndex(*(column[start : start + count] for column in self[:3]), kept)

    def headers(self) -> Iterator[Header | str]:
        """Returns the headers one by one, or why there is none."""
        for number, row in enumerate(self.fields):
            yield self.unreadable.get(number) or Header(*row.tolist())

    def save(self, path: Path, **more: np.ndarray) -> None:
        """Writes a file as a whole or not at all, whoever else writes it too.

        Args:
            path: of the file, an ``.npz``.
            more: arrays to keep with it.

        Raises:
            OSError: it can't be written.
        """
        numbers, reasons = list(self.unreadable), list(self.unreadable.values())
        columns = dict(zip(self._fields, self[:3], strict=False))
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with open(partial, "wb") as file:
            np.savez_compressed(
                file,
                **columns,
                unreadable=np.array(numbers, np.int64),
                reasons=np.array(reasons, "U"),
                **more,
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> tuple["ImageIndex", dict[str, np.ndarray]]:
        """Reads such a file.

        Returns:
            The index, and the arrays that were kept with it.

        Raises:
            DamagedIndexError: there is no whole one.
        """
        try:
            with np.load(path) as opened:
                arrays = dict(opened)
            columns = [arrays.pop(name) for name in cls._fields[:3]]
            numbers, reasons = arrays.pop("unreadable"), arrays.pop("reasons")
        except _DAMAGED as error:
            raise DamagedIndexError(str(error)) from error
        return cls(*columns, dict(zip(numbers.tolist(), reasons.tolist(), strict=True))), arrays


class DamagedIndexError(ValueError):
    """A file isn't the index that it should be."""


def header_of(content: bytes) -> Header | str:
    """Returns the header of an image file's bytes, or why there is none."""
    try:
        return read_header(io.BytesIO(content))
    except UnreadableImageError as error:
        return str(error)
