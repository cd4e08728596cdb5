"""What was seen of all images of a split."""

from collections.abc import Callable, Iterator

import numpy as np

from tfadv.data import Source
from tfadv.data.encoded_source import EncodedSource
from tfadv.data.folder_source import FolderSource
from tfadv.errors import UserError
from tfadv.inspection import decoding
from tfadv.inspection.miniature import SIDE
from tfadv.inspection.seen import UNREADABLE, Finding, Seen, see_pixels

_SHARE = 64  # images that are looked at as one piece of work


class Survey:
    """What was seen of a split's images, one value for each, in the source's order.

    They take 132 bytes an image, whatever its size.

    Args:
        split: its name.
        source: its images.

    Attributes:
        split, source: as given.
        sizes: of the stored images in bytes, int64 [N].
        contents: their SHA-256, uint8 [N, 32].
        pixels: digests of the decoded pixels, uint8 [N, 16]; zeros where there are none.
        heights, widths: in pixels as they are stored, int32 [N]; 0 where there are none.
        channels, kinds, orientations, brightest: uint8 [N]; see `Seen`.
        miniatures: uint8 [N, 8, 8].
        findings: by number, what is wrong with an image.
    """

    def __init__(self, split: str, source: Source):
        count = len(source)
        self.split, self.source = split, source
        self.sizes = np.zeros(count, np.int64)
        self.contents = np.zeros((count, 32), np.uint8)
        self.pixels = np.zeros((count, 16), np.uint8)
        self.heights, self.widths = np.zeros((2, count), np.int32)
        self.channels, self.kinds, self.orientations, self.brightest = np.zeros(
            (4, count), np.uint8
        )
        self.miniatures = np.zeros((count, SIDE, SIDE), np.uint8)
        self.findings: dict[int, tuple[Finding, ...]] = {}

    def __len__(self) -> int:
        return len(self.source)

    @property
    def readable(self) -> np.ndarray:
        """Which images have pixels, bool [N]."""
        return self.heights > 0

    def look(self, processes: int, progress: Callable[[int], None]) -> None:
        """Looks at every image.

        Args:
            processes: how many decode files at once; 1 is this one alone.
            progress: is told how many images are done.

        Raises:
            UserError: a decoder crashed.
        """
        done = 0
        for share in self._seen(processes):
            for seen in share:
                self._note(done, seen)
                done += 1
            progress(done)

    def _seen(self, processes: int) -> Iterator[list[Seen]]:
        starts = range(0, len(self), _SHARE)
        shares = (range(start, min(start + _SHARE, len(self))) for start in starts)
        if isinstance(self.source, EncodedSource):
            tasks = ([self._task(number) for number in share] for share in shares)
            return decoding.look(tasks, processes)
        return ([self._pixels_seen(number) for number in share] for share in shares)

    def _task(self, number: int) -> decoding.Task:
        name = self.source.title(number)
        if isinstance(self.source, FolderSource) and not self.source.is_remote:
            return decoding.Task(name, name)
        try:
            return decoding.Task(name, None, self.source.contents(number))
        except OSError as error:
            raise UserError(f"{self.source.name}: '{name}' can't be read: {error}") from error

    def _pixels_seen(self, number: int) -> Seen:
        pixels = self.source.pixels(number)
        return see_pixels(pixels, pixels.tobytes())

    def _note(self, number: int, seen: Seen) -> None:
        self.sizes[number] = seen.size or self.source.size(number)
        self.contents[number] = np.frombuffer(seen.contents, np.uint8)
        self.pixels[number] = np.frombuffer(seen.pixels, np.uint8)
        self.heights[number], self.widths[number] = seen.height, seen.width
        self.channels[number], self.kinds[number] = seen.channels, seen.kind
        self.orientations[number], self.brightest[number] = seen.orientation, seen.brightest
        self.miniatures[number] = seen.miniature
        findings = seen.findings
        why = self.source.unreadable.get(number)
        if why and seen.height:  # by channels that the data set is to have
            findings += (Finding(UNREADABLE, why),)
        if findings:
            self.findings[number] = findings
