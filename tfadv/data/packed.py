"""Images that were packed into a few large files, read one by one in any order."""

import json
import os
from pathlib import Path

import numpy as np

from tfadv.data.centre_square import CentreSquare
from tfadv.data.image_index import DamagedIndexError, ImageIndex
from tfadv.data.paths import existing_path
from tfadv.data.plausibility import check_channels
from tfadv.data.record_source import RecordSource
from tfadv.data.records import Records, Shard
from tfadv.data.remote_path import RemotePath
from tfadv.data.source import Splits
from tfadv.digests import of_array, of_texts
from tfadv.errors import UserError, check
from tfadv.registry import DATASETS

DESCRIPTION = "packed.json"
PACK_AGAIN = "pack the set again, or copy this file again"


def index_name(split: str) -> str:
    """Returns the name of the file that holds what is known of a split's images."""
    return f"{split}.index.npz"


@DATASETS.register("packed")
def packed(
    folder: str,
    image_size: int,
    shorter_side: int | None = None,
    antialias: bool = True,
    cubic_a: float = -0.5,
    whole_pixels: bool = True,
    exif_orientation: bool = True,
    channels: int = 3,
) -> Splits:
    """Returns the images that ``python -m tfadv.data --pack=FOLDER`` packed.

    They come in the order of the image folders that were packed and, unless they were resized
    then, with the same pixels; a run on the one equals a run on the other. Nothing is decoded
    and no image is read at the start.

    Args:
        folder: of the packed set; ``~`` and ``$VARIABLES`` are expanded.
        image_size: height and width in pixels.
        shorter_side: in pixels before the crop; None takes `image_size`.
        antialias: whether to smooth an image that is made smaller; see `Bicubic`.
        cubic_a: a of the cubic kernel; see `Bicubic`.
        whole_pixels: whether resized pixels are rounded to whole numbers.
        exif_orientation: whether to turn images as their EXIF orientation says.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.

    Raises:
        UserError: it is no packed set, or a file of it is missing or damaged.
    """
    view = CentreSquare.of("packed", image_size, shorter_side, antialias, cubic_a, whole_pixels)
    check_channels("packed.channels", channels)
    path = existing_path(folder, "packed.folder")
    if isinstance(path, RemotePath):
        raise UserError(
            f"packed.folder: '{path}' is remote, and images are found in packed files on a disk "
            "alone: copy the folder to a local one first, which takes few files",
            "packed.folder",
        )
    description = _description(path)
    resized = description["resized"]
    if resized:
        for name, value in (("exif_orientation", exif_orientation), ("channels", channels)):
            rule = f"be {resized[name]}, as it was when these images were packed and resized"
            check(value == resized[name], f"packed.{name}", rule, value)
    return Splits(
        *(
            PackedSource(path, split, description, view, exif_orientation, channels)
            for split in Splits._fields
        )
    )


def _description(path: Path) -> dict:
    try:
        return json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"packed.folder: '{path}' holds no packed set, which has a file {DESCRIPTION}: "
            f"python -m tfadv.data --pack={path.name} makes one of a data set",
            "packed.folder",
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"packed.folder: '{path / DESCRIPTION}' can't be read: {error}") from error


def _inside(folder: Path, name: str) -> Path:
    """Returns the path of a file in a folder, whatever the name says."""
    if Path(name).name != name or name in ("", "..") or "\0" in name:
        raise UserError(
            f"packed.folder: {DESCRIPTION} of '{folder}' names {name!r}, which is no file of it: "
            + PACK_AGAIN,
            "packed.folder",
        )
    return folder / name


class PackedSource(RecordSource):
    """One split of a packed set.

    Args:
        folder: of the set.
        split: ``train`` or ``test``.
        description: of the set, which `DESCRIPTION` holds.
        view: makes images of one size.
        exif_orientation: whether pictures are turned upright, as their EXIF data say.
        channels: of the images; see `EncodedSource`.

    Raises:
        UserError: a file is missing or damaged.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        description: dict,
        view: CentreSquare,
        exif_orientation: bool,
        channels: int,
    ):
        name, of_split = f"packed {split}", description["splits"][split]
        shards = [
            Shard.whole(_inside(folder, shard["name"]), shard["examples"])
            for shard in of_split["shards"]
        ]
        file = folder / index_name(split)
        try:
            index, more = ImageIndex.load(file)
        except DamagedIndexError as error:
            raise UserError(f"{name}: '{file}' can't be read: {PACK_AGAIN} ({error})") from error
        super().__init__(
            name,
            Records(name, shards, PACK_AGAIN),
            index,
            description["class_names"],
            view,
            exif_orientation,
            channels,
        )
        self._names = more["names"]
        self._contents = of_split["contents"]
        resized = description["resized"]
        if resized and resized["shorter_side"] < view.shorter_side:
            self.warnings = (
                f"{name}: images were packed with a shorter side of {resized['shorter_side']} "
                f"pixels, which {view.dataset}.shorter_side = {view.shorter_side} enlarges",
            )

    def title(self, index: int) -> str:
        """Returns a file's path within its folder; see `EncodedSource.title`."""
        return os.fsdecode(self._names[index])

    def stored(self, way: str) -> dict[str, str]:
        """Returns what a folder of the same files has by its contents; see `Source.stored`.

        Whatever the way, nothing is read: contents were digested when they were packed, and
        each record has a checksum that is compared when it is read.
        """
        names = map(self.title, range(len(self)))
        sizes = of_array(np.asarray(self._sizes, np.int64))
        return {"names": of_texts(names), "sizes": sizes, "contents": self._contents}
