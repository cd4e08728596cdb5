"""Bundles from Python: what ``python -m tfadv.export`` writes, and as their users load them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfadv.api.notices import Notices, in_python
from tfadv.api.run import Run
from tfadv.config.command_line import chosen_branches
from tfadv.errors import UserError
from tfadv.interop.bundle_writer import check_new, write_bundle
from tfadv.interop.converted import check_formats
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.runs import identity
from tfadv.runs.one_writer import SUFFIX, writing


def export(
    run: Run,
    folder: str | Path,
    *,
    branch: str = "all",
    pixel_range: int = 1,
    fold: bool = False,
    formats: Sequence[str] = (),
    license_name: str = "unspecified",
) -> Path:
    """Writes a bundle for outside suites; returns its folder.

    Args:
        run: to export.
        folder: a new one.
        branch: norm branch, or all that were trained.
        pixel_range: 1 or 255: images are to be in 0..1 or in 0..255.
        fold: whether to write Keras files with the norms folded in as well.
        formats: beside the SavedModel: ``onnx``, ``litert``.
        license_name: the weights' licence, for the metadata.

    Raises:
        UserError: something is in the folder, or an argument is wrong.
    """
    folder = Path(folder)
    with in_python(), writing(folder, folder.with_name(f"{folder.name}{SUFFIX}"), "output_dir"):
        check_new(folder)
        check_formats(formats)
        if pixel_range not in (1, 255):
            raise UserError(f"pixel_range must be 1 or 255, got {pixel_range!r}")
        trained = run.trained
        identity.check_results(trained)
        branches = chosen_branches(trained.branches, branch)
        branches.sort(key=lambda one: one != trained.model.default_branch)
        bounds = (0.0, float(pixel_range))
        notes = write_bundle(trained, folder, branches, bounds, license_name, fold, formats)
        Notices(quiet=False).note(notes)
    return folder


class Bundle:
    """A bundle as its users hold it: logits of images in its range, by any of its branches.

    Args:
        folder: what `export` or ``python -m tfadv.export`` wrote.

    Attributes:
        folder: as given.
        metadata: what the bundle says of itself.

    Raises:
        UserError: it is no bundle, or not as it was written.
    """

    def __init__(self, folder: Path):
        first = LoadedBundle(folder)
        self.folder = folder
        self.metadata = first.metadata
        self._loaded = {first.branch: first}
        self._first = first.branch

    @property
    def branches(self) -> tuple[str, ...]:
        """The norm branches that it holds."""
        return tuple(self.metadata["endpoints"])

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the images that it takes."""
        return self._loaded[self._first].bounds

    def __call__(self, images: Any, branch: str | None = None) -> tf.Tensor:
        """Returns float32 logits [N, K] of images [N, H, W, C] in `bounds`.

        Args:
            images: NumPy's or a tensor.
            branch: norm branch; None takes the default one.

        Raises:
            UserError: there is no such branch.
        """
        branch = branch or self._first
        if branch not in self._loaded:
            self._loaded[branch] = LoadedBundle(self.folder, branch)
        return self._loaded[branch](tf.convert_to_tensor(images))


def load(folder: str | Path) -> Bundle:
    """Loads a bundle; see `Bundle`."""
    with in_python():
        return Bundle(Path(folder))
