"""Bundles from Python: what ``python -m tfadv.export`` writes, and as their users load them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfadv.api.notices import Notices, in_python
from tfadv.api.recipes import several
from tfadv.api.result import Result
from tfadv.api.run import Run
from tfadv.config.command_line import chosen_branches
from tfadv.errors import UserError, check_choice
from tfadv.interop.bundle_format import bundle_in
from tfadv.interop.bundle_writer import check_new, write_bundle
from tfadv.interop.converted import check_formats
from tfadv.interop.hub_folder import check_repo, write_hub_folder
from tfadv.interop.hub_header import UNSPECIFIED
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.runs import identity
from tfadv.runs.measured import check_weights
from tfadv.runs.one_writer import SUFFIX, writing

BUNDLE, HUB = "bundle", "hub_folder"


def export(
    run: Run,
    folder: str | Path,
    *,
    branch: str = "all",
    pixel_range: int = 1,
    fold: bool = False,
    formats: Sequence[str] = (),
    license_name: str = UNSPECIFIED,
    evaluations: Sequence[Result] = (),
    to: str = BUNDLE,
    repo: str | None = None,
) -> Path:
    """Writes a bundle for outside suites, or a folder for the Hugging Face hub; returns its path.

    Args:
        run: to export.
        folder: a new one.
        branch: norm branch, or all that were trained.
        pixel_range: 1 or 255: images are to be in 0..1 or in 0..255.
        fold: whether to write Keras files with the norms folded in as well.
        formats: beside the SavedModel: ``onnx``, ``litert``.
        license_name: the weights' licence, for metadata and card.
        evaluations: of this run, for the card, beside what the run measured itself.
        to: ``bundle`` or ``hub_folder``.
        repo: USER/MODEL on the hub, for a hub folder's card.

    Raises:
        UserError: something is in the folder, an argument is wrong, or an evaluation is of
            other weights.
    """
    folder = Path(folder)
    with in_python(), writing(folder, folder.with_name(f"{folder.name}{SUFFIX}"), "output_dir"):
        check_new(folder)
        formats = several(formats)
        _check(formats, pixel_range, to, repo)
        trained = run.trained
        identity.check_results(trained)
        records = {f"number {n}": result.record for n, result in enumerate(evaluations)}
        check_weights(trained, records)
        branches = chosen_branches(trained.branches, branch)
        branches.sort(key=lambda one: one != trained.model.default_branch)
        given = (trained, folder, branches, (0.0, float(pixel_range)), license_name)
        more = {"fold": fold, "formats": formats, "evaluations": list(records.values())}
        if to == HUB:
            notes = write_hub_folder(*given, **more, repo=repo)
        else:
            notes = write_bundle(*given, **more)
        Notices(quiet=False).note(notes)
    return folder


def _check(formats: Sequence[str], pixel_range: int, to: str, repo: str | None) -> None:
    check_formats(formats)
    if pixel_range not in (1, 255):
        raise UserError(f"pixel_range must be 1 or 255, got {pixel_range!r}")
    check_choice("to", to, (BUNDLE, HUB))
    check_repo(repo)
    if repo and to != HUB:
        raise UserError(f"repo goes with to={HUB!r}")


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
    """Loads a bundle, or that of a hub folder; see `Bundle`."""
    with in_python():
        return Bundle(bundle_in(Path(folder)))
