"""What there is to look at: the data set of a configuration, a folder, or arrays in files."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tfadv.config import Config
from tfadv.data import Source, Splits
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.data.folder_source import FolderSource
from tfadv.data.image_folder import class_folders
from tfadv.data.npz import npz
from tfadv.data.paths import AnyPath, existing_path
from tfadv.errors import UserError
from tfadv.registry import DATASETS

TRAIN, TEST, ALL = "train", "test", "all"
# What people call the folders of a data set's two parts.
_TRAIN, _TEST = ("train",), ("val", "test", "validation", "valid")
# Nothing is resized to be looked at.
_VIEW = CentreSquare(1, 1, Bicubic(-0.5, antialias=True, whole_pixels=True))


class DataSet(NamedTuple):
    """Images to look at.

    Attributes:
        name: of the set, short.
        build: returns its images, by the names that a run has for the splits, or ``all`` if
            there are none; it raises `UnfitError` if nobody can train on them.
        is_imagenet: whether it is said to be ImageNet (ILSVRC 2012), whole.
    """

    name: str
    build: Callable[[], Mapping[str, Source]]
    is_imagenet: bool = False


def configured(read: Config) -> DataSet:
    """Returns the data set that a configuration chooses, as it is: bad images and all.

    Raises:
        UserError: there is no such data set.
    """
    spec = read.values["Experiment.dataset"]  # every scale binds it
    part = DATASETS.get(spec.rpartition("/")[2], "Experiment.dataset")
    incomplete = "incomplete" in inspect.signature(part).parameters
    arguments = {"incomplete": True} if incomplete else {}
    build = functools.partial(DATASETS.build, spec, "Experiment.dataset", **arguments)
    name = read.values.get(f"{spec}.name", spec)
    return DataSet(name.replace("/", "-"), functools.partial(_present, build), spec == "imagenet")


def folder(text: str) -> DataSet:
    """Returns the images of a folder.

    Args:
        text: the folder's path; it holds CLASS/*, or train/ and val/ or test/ with CLASS/*.

    Raises:
        UserError: there is no such folder.
    """
    path = existing_path(text, "--folder")
    if not path.is_dir():
        raise UserError(f"--folder: '{path}' is a file, not a folder")
    return DataSet(path.resolve().name, functools.partial(_of_folder, path))


def arrays(files: Sequence[str]) -> DataSet:
    """Returns the images of one or two ``.npz`` files; see `tfadv.data.npz`.

    Raises:
        UserError: there are more files than two.
    """
    if len(files) > 2:
        raise UserError(f"--npz takes one file, or two to train and to test on, not {len(files)}")
    return DataSet(Path(files[0]).stem, functools.partial(_of_files, files))


def _present(build: Callable[[], Splits]) -> Mapping[str, Source]:
    splits = build()
    for source in splits:
        source.check_present()
    return splits._asdict()


def _of_folder(path: AnyPath) -> Mapping[str, Source]:
    found = {TRAIN: _first(path, _TRAIN), TEST: _first(path, _TEST)}
    if None in found.values():
        found = {ALL: path}
    named = {
        split: path.name if split == ALL else f"{path.name}/{one.name}"
        for split, one in found.items()
    }
    classes = sorted({n for split, one in found.items() for n in class_folders(named[split], one)})
    return {
        split: FolderSource(named[split], one, classes, _VIEW, True, incomplete=True)
        for split, one in found.items()
    }


def _first(path: AnyPath, names: Sequence[str]) -> AnyPath | None:
    folders = (path / name for name in names)
    return next((folder for folder in folders if folder.is_dir()), None)


def _of_files(files: Sequence[str]) -> Mapping[str, Source]:
    splits = npz(files[0], files[-1])
    return {ALL: splits.train} if len(files) == 1 else splits._asdict()
