"""ImageNet's validation images, which come in one folder, sorted by the development kit."""

import io
import tarfile
from pathlib import Path

import scipy.io

from tfadv.data.class_lists import IMAGENET, class_list
from tfadv.errors import UserError

_LABELS = "data/ILSVRC2012_validation_ground_truth.txt"
_SYNSETS = "data/meta.mat"
FILE = "ILSVRC2012_val_{:08d}.JPEG"


def sort_validation(folder: Path, devkit: Path) -> int:
    """Moves validation images into folders called by their WordNet numbers.

    The kit numbers the classes in an order of its own, which is not that of their WordNet
    numbers. Images that lie in their folder already stay there: a second call goes on
    where a first one was stopped.

    Args:
        folder: holds ``ILSVRC2012_val_00000001.JPEG`` and so on.
        devkit: ``ILSVRC2012_devkit_t12.tar.gz``, or the folder that it unpacks to.

    Returns:
        How many images were moved.

    Raises:
        UserError: the kit or an image is missing, or the kit is another year's; then nothing
            was moved.
    """
    names = validation_classes(devkit)
    places = {FILE.format(number): name for number, name in enumerate(names, 1)}
    loose = {file: name for file, name in places.items() if (folder / file).is_file()}
    lost = [f for f, n in places.items() if f not in loose and not (folder / n / f).is_file()]
    if lost:
        raise UserError(
            f"'{folder}' lacks {len(lost):,} of the {len(places):,} validation images, such as "
            f"{lost[0]}: unpack ILSVRC2012_img_val.tar there"
        )
    for file, name in loose.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / file).rename(folder / name / file)
    return len(loose)


def validation_classes(devkit: Path) -> list[str]:
    """Returns the WordNet number of each validation image, in the order of the images.

    Args:
        devkit: see `sort_validation`.

    Raises:
        UserError: the kit can't be read, or is another year's.
    """
    synsets = scipy.io.loadmat(io.BytesIO(_read(devkit, _SYNSETS)), squeeze_me=True)["synsets"]
    by_id = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets}
    names = [by_id.get(int(line)) for line in _read(devkit, _LABELS).split()]
    if set(names) != set(class_list(IMAGENET, "")):
        raise UserError(f"'{devkit}' labels no validation images of ILSVRC 2012's 1,000 classes")
    return names


def _read(devkit: Path, name: str) -> bytes:
    try:
        if devkit.is_dir():
            return (devkit / name).read_bytes()
        with tarfile.open(devkit) as kit:
            (member,) = (m for m in kit.getmembers() if m.name.endswith(name))
            return kit.extractfile(member).read()
    except (OSError, tarfile.TarError, ValueError) as error:
        raise UserError(f"'{devkit}' can't be read as a development kit: no {name}") from error
