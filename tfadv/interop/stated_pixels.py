"""Whether ``Keras.pixel_mean`` and its kin are what a trained ``Keras.path`` takes."""

from collections.abc import Iterator

from tfadv.data.pipeline import some_examples
from tfadv.devices.workers import Workers
from tfadv.errors import UserError
from tfadv.interop import form_trials
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.preparation import COLORS, Preparation
from tfadv.pixels import LogitsFn
from tfadv.planning.plan import Plan
from tfadv.registry import MODELS

_STATED = ("pixel_mean", "pixel_std", "color")
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_CAFFE = (103.939, 116.779, 123.68)
# What networks are commonly fed, of 0..255: 0..1, -1..1, as it is, PyTorch's, and Caffe's.
_USUAL = (
    Preparation(0.0, 255.0),
    Preparation(127.5, 127.5),
    Preparation(0.0, 1.0),
    Preparation(*_IMAGENET),
    Preparation(_CAFFE, 1.0, "BGR"),
)


def check(plan: Plan, model: KerasNetwork, workers: Workers) -> None:
    """Tries a few test images before anything is trained on mistaken pixels.

    Only what a configuration states of a model with trained weights is tried.

    Args:
        plan: of the run.
        model: as it was built.
        workers: that do the run together.

    Raises:
        UserError: the model classifies far better by another preprocessing.
    """
    name = plan.experiment.model
    if not plan.model_file or all(MODELS.bound(name, part) is None for part in _STATED):
        return
    batch = some_examples(plan.splits.test, form_trials.IMAGES)
    called, refused = f"the Keras model '{plan.model_file}'", ""
    try:
        images, labels = batch["image"], batch["label"].numpy()
        form_trials.check_accuracy(called, images, labels, model.logits_fn(), _trials(model))
    except UserError as error:  # all workers are to end, not only this one
        refused = error.message
    if workers.greatest(bool(refused)):
        raise UserError(
            refused or f"{called} is fed otherwise than it was trained, as worker 0 says"
        )


def _trials(model: KerasNetwork) -> Iterator[tuple[str, LogitsFn]]:
    logits_fn, stated = model.logits_fn(), model.prepare
    usual = _USUAL
    if model.image_shape[-1] == 3:
        other = COLORS[1 - COLORS.index(stated.color)]
        usual += (Preparation(stated.mean, stated.std, other),)
    else:
        usual = [trial for trial in usual if isinstance(trial.mean, float)]
    for trial in usual:
        remedy = (
            f"set Keras.pixel_mean = {trial.mean}, Keras.pixel_std = {trial.std} and "
            f"Keras.color = '{trial.color}'"
        )
        yield remedy, lambda images, trial=trial: logits_fn(stated.undone(trial(images)))
