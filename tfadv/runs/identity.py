"""What a run, an evaluation and a bundle are bound to beside the text of a configuration.

Paths say where images and weights are, and nothing of what is there today. So their digests
are noted at a run's first start, in ``run.json``, and compared whenever it is met again.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfadv import digests, registry
from tfadv.config import Config
from tfadv.config.settings import LAST
from tfadv.data import Source, manifest_file
from tfadv.data.absent import AbsentSource
from tfadv.data.manifest import difference, way_of, without_times
from tfadv.data.selected import whole
from tfadv.devices.workers import Workers
from tfadv.errors import UserError
from tfadv.planning.plan import Plan
from tfadv.runs.checkpoints import read_model
from tfadv.runs.run_directory import RunDirectory, bindings
from tfadv.runs.trained_run import TrainedRun

# Parts that choose no images, besides attacks and trackers.
_NO_DATA = {"Evaluation", "Validation", "Checkup", "Experiment", "Training"}
_NO_DATA |= {"Distribution", "Hardware"}
_BY_CHIEF = "as worker 0 says"
_WEIGHTS_FILES = (".npz", ".keras", ".h5", ".safetensors")
_VARIABLES = "variables"  # of a SavedModel
_CALLED = {
    "initial_weights": "Experiment.initial_weights holds other weights",
    "model_file": "Keras.path holds another model",
    "transfer_from": "Checkup.transfer_from holds another bundle",
}


def check_run(directory: RunDirectory, plan: Plan, workers: Workers) -> dict[str, object]:
    """Returns what a run is bound to, as it is here and now.

    Args:
        directory: the run's.
        plan: of its configuration.
        workers: that do it together.

    Returns:
        JSON values: `data` by split, and digests of `initial_weights`, `model_file` and
        `transfer_from`; what is not on this machine is left out.

    Raises:
        UserError: the run was started with others, the workers have different ones, or
            ``Experiment.manifest`` lists others.
    """
    _check_listed(plan, workers)
    recorded = directory.identity()
    found = _of_run(plan, recorded)
    for split in plan.sources:
        workers.agree(f"set of {split} images", without_times(found["data"].get(split, {})))
    for part in _CALLED:
        workers.agree(part.replace("_", " "), found.get(part))
    changed = _changed(recorded, found, workers)
    if workers.greatest(bool(changed)):
        raise UserError(
            f"'{directory.path}' holds a run with other data or weights "
            f"({changed or _BY_CHIEF}): put those back, or choose another --model_dir"
        )
    if "data" not in recorded and workers.is_chief and directory.has_begun:
        print(
            f"warning: '{directory.path}' has no record of its images, so nothing tells whether "
            "these are still the same",
            file=sys.stderr,
        )
    return found


class Made(NamedTuple):
    """What is known of how a model was made.

    Attributes:
        name: what it is called in messages: a run's folder, a bundle, or another model.
        images: the manifest of its test images, if it was recorded.
        config: the gin file that it was made with, if there is one.
    """

    name: str
    images: Mapping[str, object] | None = None
    config: Path | None = None


def made_by_run(path: Path) -> Made:
    """Returns what is known of the run in the folder `path`."""
    images = RunDirectory(path).identity().get("data", {}).get("test")
    return Made(str(path), images, path / "config.gin")


def check_images(
    made: Made, read: Config, source: Source, way: str, workers: Workers | None = None
) -> dict[str, object]:
    """Returns the manifest of the images that a model is measured on.

    Args:
        made: the model.
        read: today's configuration.
        source: the images that it chooses.
        way: how to tell files where nothing is recorded, one of `manifest.WAYS`.
        workers: that do it together; None, for this process alone.

    Raises:
        UserError: they were others when the model was made, and the configuration
            doesn't choose others; or the workers have different ones.
    """
    workers = workers or alone()
    recorded = made.images
    found = source.manifest(way_of(recorded) if recorded else way)
    workers.agree("set of test images", without_times(found))
    changed = _different_images(recorded or found, found, workers)
    refused = bool(changed) and not _chooses_images(made.config, read)
    if workers.greatest(refused):
        raise UserError(
            f"'{made.name}' was made with other test images ({changed or _BY_CHIEF}): put those "
            "back, or choose others by gin"
        )
    if changed and workers.is_chief:
        print(f"note: other test images than those of '{made.name}' ({changed})", file=sys.stderr)
    return found


def alone() -> Workers:
    """Returns a process that works by itself, without starting any device."""
    return Workers(tf.distribute.get_strategy())


def check_plugins(path: Path, read: Config) -> None:
    """Raises `UserError` if a plugin of the run in the folder `path` was edited since."""
    written = bindings((path / "config.gin").read_text(encoding="utf-8"))
    now = bindings(read.text())
    for key, source in written.items():
        if key.startswith("import ") and now.get(key, source) != source:
            raise UserError(
                f"'{path}' was trained with another {key.removeprefix('import ')} ({source} → "
                f"{now[key]}): put that one back, in a folder for --plugin_dir"
            )


def check_results(run: TrainedRun) -> None:
    """Raises `UserError` if a run's results were measured with other weights than it has.

    Those of a checkpoint that they don't tell of are not compared.
    """
    results = run.results or {}
    measured = [results.get(part, {}).get("weights") for part in ("model", "weight_average")]
    if any(measured) and digests.of_model(run.model) not in measured:
        raise UserError(
            f"'{run.path}': results.json was measured with other weights than the newest "
            "whole checkpoint's: remove results.json and give the command that trained again, "
            "which measures those"
        )


def of_software() -> dict[str, str]:
    """Returns what the same numbers come from: this package's source, and the libraries."""
    return {
        "tfadv": digests.of_path(Path(__file__).parent.parent, "*.py"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def digest_of_weights(source: str, checkpoint: str = LAST) -> str | None:
    """Returns a digest of the weights that a run starts from; None where there are none.

    Args:
        source: the folder of a run, of which the newest whole checkpoint counts, or of a
            SavedModel, of which its variables do, or a file of weights.
        checkpoint: another one of the run's, as `chosen` takes it.

    Raises:
        UserError: there are checkpoints, and none is whole.
    """
    run = RunDirectory(Path(source))
    if run.has_checkpoint:
        bound_to = run.bound_to()
        values = read_model(run.checkpoints_path, bound_to=bound_to, checkpoint=checkpoint)
        return digests.of_arrays(values)
    variables = run.path / _VARIABLES
    if variables.is_dir():
        return digests.of_path(variables)
    holds_weights = run.path.suffix in _WEIGHTS_FILES and run.path.is_file()
    return digests.of_path(run.path) if holds_weights else None


def _check_listed(plan: Plan, workers: Workers) -> None:
    """Raises `UserError` if the images are others than those that ``Experiment.manifest`` lists."""
    experiment = plan.experiment
    if experiment.manifest is None:
        return
    # Images that are held out, for the test or validation, are listed where they were taken from.
    train, test = map(whole, plan.splits)
    listed = {"train": train} | ({} if test is train else {"test": test})
    here = {n: source for n, source in listed.items() if not isinstance(source, AbsentSource)}
    try:
        unlike = manifest_file.difference(experiment.manifest, here, experiment.data_digest)
    except UserError as error:  # all workers are to end, not only this one
        unlike = error.message
    if workers.greatest(bool(unlike)):
        raise UserError(
            unlike or f"{manifest_file.PARAMETER} lists other images, {_BY_CHIEF}",
            manifest_file.PARAMETER,
        )


def _of_run(plan: Plan, recorded: Mapping) -> dict[str, object]:
    data, way = {}, plan.experiment.data_digest
    for split, source in plan.sources.items():
        noted = recorded.get("data", {}).get(split)
        data[split] = source.manifest(way_of(noted) if noted else way)
    found = {"data": {split: manifest for split, manifest in data.items() if manifest}}
    start = plan.experiment.initial_weights
    checkpoint = plan.experiment.initial_checkpoint
    weights = digest_of_weights(start, checkpoint) if start else None
    if weights:
        found["initial_weights"] = weights
    if plan.model_file and Path(plan.model_file).is_file():
        found["model_file"] = digests.of_path(Path(plan.model_file))
    other = plan.checkup.transfer_from if plan.checkup else None
    if other and Path(other).exists():
        found["transfer_from"] = digests.of_path(Path(other))
    return found


def _changed(recorded: Mapping, found: Mapping, workers: Workers) -> str:
    """Returns in what two identities differ, in words, or ``""``."""
    changed = []
    for split, manifest in found["data"].items():
        noted = recorded.get("data", {}).get(split, manifest)
        difference_text = _different_images(noted, manifest, workers)
        changed += [f"{split}: {difference_text}"] if difference_text else []
    for part, called in _CALLED.items():
        if part in found and recorded.get(part, found[part]) != found[part]:
            changed.append(called)
    return "; ".join(changed)


def _different_images(recorded: Mapping, found: Mapping, workers: Workers) -> str:
    if workers.is_chief:
        return difference(recorded, found)
    # Times are the chief's: another worker's copy of the files has its own.
    return difference(without_times(recorded), without_times(found))


def _chooses_images(written: Path, read: Config) -> bool:
    """Returns whether a configuration and a written one may choose different images."""
    old, now = bindings(written.read_text(encoding="utf-8")), bindings(read.text())
    kinds = (registry.ATTACKS, registry.TRACKERS)
    without = {part.__name__ for kind in kinds for part in kind.parts.values()}
    for key in {key for key in {*old, *now} if old.get(key) != now.get(key)}:
        part = key.rpartition("/")[2].partition(".")[0]
        chooses_none = part in _NO_DATA | without or key.startswith("import ")
        # Of a plugin that nobody imported: it had no say.
        chooses_none |= "." in key and part not in registry.configurables()
        if not chooses_none or key == "Experiment.dataset":
            return True
    return False
