"""A trained run in Python's hands."""

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from matplotlib.figure import Figure

from tfadv import plots
from tfadv.api.images import chosen_images
from tfadv.api.notices import in_python
from tfadv.api.recipes import Recipe, several
from tfadv.config import Config
from tfadv.interop.keras_form import keras_form
from tfadv.models import Model
from tfadv.norms import NormMode
from tfadv.pixels import LogitsFn
from tfadv.planning.plan import Plan, build_plan
from tfadv.runs import identity, trained_run
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.run_files import VALIDATION
from tfadv.runs.trained_run import TrainedRun


class RobustModel:
    """The network of a run: logits of images in 0..255, by any of its norm branches.

    Args:
        network: the network.
        branches: those of its branches that were trained.

    Attributes:
        network: as given.
        branches: as given.
    """

    def __init__(self, network: Model, branches: tuple[str, ...]):
        self.network = network
        self.branches = branches

    def __call__(self, images: Any, branch: str | None = None) -> tf.Tensor:
        """Returns float32 logits [N, K] of images [N, H, W, C] in 0..255.

        Args:
            images: NumPy's or a tensor, of any real dtype.
            branch: norm branch; None takes the default one.
        """
        return self.network(tf.cast(images, tf.float32), mode=NormMode(branch))

    def logits_fn(self, branch: str | None = None) -> LogitsFn:
        """Returns a function from images to logits for attacks, prepared once.

        Args:
            branch: norm branch; None takes the default one.
        """
        return self.network.logits_fn(NormMode(branch))

    def as_keras(
        self,
        branch: str | None = None,
        pixel_range: tuple[float, float] = (0.0, 255.0),
        fold: bool = False,
    ) -> keras.Model:
        """Returns a branch as a Keras model of Keras' own layers, to predict, save and load.

        Args:
            branch: norm branch; None takes the default one.
            pixel_range: of the images that it is to take.
            fold: whether norms are folded into the layers before them.

        Returns:
            A Functional model with copies of the weights, from images to logits.

        Raises:
            UserError: there is no such branch, or Keras has no layer like the norm.
        """
        return keras_form(self.network, branch, pixel_range, fold)

    def count_params(self) -> int:
        """Returns how many numbers the weights hold."""
        return self.network.count_params()


class Run:
    """A run that was trained: its folder, records and model.

    Args:
        folder: of the run.
        recipe: how it was made.
        scratch: the folder, where it is to go with this object.
        checkpoint: ``last``, ``best`` in validation, or the number of a step.
        weights: ``trained``, or their moving ``average``; None takes the trained ones, and of
            the best checkpoint those that it was chosen by.

    Attributes:
        folder: as given.
        recipe: as given.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        scratch: tempfile.TemporaryDirectory | None = None,
        checkpoint: str | int = "last",
        weights: str | None = None,
    ):
        self.folder = folder
        self.recipe = recipe
        self._scratch = scratch
        self._chosen = str(checkpoint), weights
        self._directory = RunDirectory(folder)

    @property
    def is_scratch(self) -> bool:
        """Whether the folder goes with this object."""
        return self._scratch is not None

    def __repr__(self) -> str:
        return f"<tfadv.Run '{self.folder}'>"

    @functools.cached_property
    def trained(self) -> TrainedRun:
        """The model with its weights, its plan and how it was made."""
        with in_python(), self.planned() as (read, plan):
            identity.check_plugins(self.folder, read)
            checkpoint, weights = self._chosen
            return trained_run.load(self.folder, plan, weights=weights, checkpoint=checkpoint)

    @property
    def model(self) -> RobustModel:
        """The model with the weights of its checkpoint."""
        return RobustModel(self.trained.model, self.trained.branches)

    @property
    def results(self) -> dict | None:
        """What its evaluation at the end found, as in ``results.json``; None before the end."""
        return self._directory.results()

    @property
    def history(self) -> list[dict]:
        """The metrics of training, a dictionary for each call of steps, oldest first."""
        return [row for row in self._directory.metrics() if row.get("kind") != VALIDATION]

    @property
    def validations(self) -> list[dict]:
        """What each validation found, oldest first."""
        return [row for row in self._directory.metrics() if row.get("kind") == VALIDATION]

    def plot_history(self) -> Figure:
        """Returns losses and accuracies by the epoch; see `tfadv.plots.training_curves`."""
        return plots.training_curves(self._directory.metrics())

    def plot_norms(self) -> Figure:
        """Returns running statistics of each norm branch; see `tfadv.plots.norm_statistics`."""
        return plots.norm_statistics(self.trained.model, self.trained.branches)

    def at(self, checkpoint: str | int, weights: str | None = None) -> "Run":
        """Returns the run with the weights of another checkpoint.

        Args:
            checkpoint: ``last``, ``best`` in validation, or the number of a step.
            weights: ``trained``, or their moving ``average``.
        """
        return Run(self.folder, self.recipe, self._scratch, checkpoint, weights)

    def to_gin(self, path: str | Path | None = None) -> str:
        """Returns the run's configuration as a gin file; see `Recipe.to_gin`."""
        return self.recipe.to_gin(path)

    @contextlib.contextmanager
    def planned(self, recipe: Recipe | None = None) -> Iterator[tuple[Config, Plan]]:
        """Reads the run's recipe, or another one, and plans it; inside, parts can be built."""
        with (recipe or self.recipe).read() as read:
            yield read, build_plan(read)


def open_run(
    folder: str | Path,
    data: Any = None,
    checkpoint: str | int = "last",
    weights: str | None = None,
    plugin_dirs: tuple[str, ...] = (),
) -> Run:
    """Opens the folder of a run, be it made here or by ``python -m tfadv.train``.

    Args:
        folder: of the run.
        data: its images, where they were given in Python; see `fit`.
        checkpoint: ``last``, ``best`` in validation, or the number of a step.
        weights: ``trained``, or their moving ``average``; None takes the trained ones, and of
            the best checkpoint those that it was chosen by.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.

    Raises:
        UserError: it is no run with checkpoints.
    """
    with in_python():
        file = trained_run.config_file(Path(folder))
        values, images = ({}, None) if data is None else chosen_images(data)
        recipe = Recipe((file,), values, images, plugin_dirs=several(plugin_dirs))
        return Run(Path(folder), recipe, checkpoint=checkpoint, weights=weights)
