"""Whether images and labels are the ones that were noted before, and if not, what differs.

A manifest says of a set of examples, as JSON values, how many there are, of what shape, and
a SHA-256 of each of: class names, labels, and the images themselves. Those in memory are
identified by their ``pixels``, files by their ``names``, their ``sizes`` and their
``contents`` or, where there is too much to read, the ``times`` of their last changes.
"""

from collections.abc import Mapping

AUTO, FAST, CONTENT = "auto", "fast", "content"
WAYS = (AUTO, FAST, CONTENT)
# 'auto' reads as many bytes of files: some seconds, as an epoch does.
READ_AT_MOST = 2**30

# What a difference is called, in the order in which differences are reported.
_CALLED = {
    "examples": "{found} images instead of {recorded}",
    "image_shape": "images of shape {found} instead of {recorded}",
    "class_names": "other class names",
    "names": "other file names",
    "labels": "other labels",
    "soft_labels": "other soft labels",
    "sizes": "files of other sizes",
    "contents": "files of other contents",
    "pixels": "other pixels",
    "times": "files written since, or copied without their times, which cp -p and rsync -a keep",
}
# Where one differs, others can't be the same.
_IMPLIED = {
    "examples": {*_CALLED} - {"examples", "image_shape", "class_names"},
    "labels": {"soft_labels"},
    "image_shape": {"pixels"},
    "names": {"sizes", "contents", "times"},
    "sizes": {"contents", "times"},
}


def reads_contents(way: str, size: int) -> bool:
    """Returns whether files of `size` bytes in all are to be read.

    Args:
        way: 'content' reads them, 'fast' doesn't, 'auto' reads up to `READ_AT_MOST`.
        size: in bytes.
    """
    return way == CONTENT or (way == AUTO and size <= READ_AT_MOST)


def way_of(recorded: Mapping[str, object]) -> str:
    """Returns the way that makes a manifest which can be compared with a recorded one."""
    return CONTENT if "contents" in recorded else FAST


def difference(recorded: Mapping[str, object], found: Mapping[str, object]) -> str:
    """Returns in what two manifests differ, in words, or ``""``."""
    different = {part for part in {*recorded, *found} if recorded.get(part) != found.get(part)}
    implied = set().union(*(_IMPLIED.get(part, ()) for part in different))
    called = [
        text.format(recorded=recorded.get(part), found=found.get(part))
        for part, text in _CALLED.items()
        if part in different - implied
    ]
    return ", ".join(called + [f"other {part}" for part in sorted(different - {*_CALLED})])


def without_times(manifest: Mapping[str, object]) -> dict[str, object]:
    """Returns what a copy of the same files on another machine has too."""
    return {part: value for part, value in manifest.items() if part != "times"}
