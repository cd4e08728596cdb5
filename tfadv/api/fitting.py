"""Training from Python: what ``python -m tfadv.train`` does, said in arguments."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import keras

from tfadv.api.images import chosen_images
from tfadv.api.networks import Network, chosen_network, kept
from tfadv.api.notices import Notices, in_python
from tfadv.api.parts import Part, chosen
from tfadv.api.recipes import DEFAULTS, Recipe, several
from tfadv.api.run import Run
from tfadv.attacks import Attack
from tfadv.config.isolated import caller
from tfadv.errors import UserError, check, nearest
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, AUGMENTATIONS, DECAYS, OPTIMIZERS, STRATEGIES
from tfadv.runs import identity
from tfadv.runs.run_directory import RunDirectory
from tfadv.strategies import BatchStrategy
from tfadv.training.start import train

_VALIDATION = "gin/eval/validation.gin"
# The scope of the training attack's goal and start, which no other attack takes over.
_SCOPE = "training"
# What every attack takes of the training attack's, unless its own is bound.
_LENT = ("epsilon", "ball", "steps", "step_size", "step_rule")
_REGISTRIES = {
    "strategy": STRATEGIES,
    "attack": ATTACKS,
    "optimizer": OPTIMIZERS,
    "decay": DECAYS,
    "augmentation": AUGMENTATIONS,
}
_NUMBERS = {
    "epochs": "Training.epochs",
    "batch_size": "Training.batch_size",
    "seed": "Experiment.seed",
    "validation": "Validation.images",
}
_BATCH_SIZE = 128  # as in the defaults


class Choices(TypedDict, total=False):
    """What a run is to be, where it isn't as by default.

    Attributes:
        strategy: of training; by default ``adversarial``, on clean and adversarial images.
        attack: of training, such as ``tfadv.PGD(8, steps=10)``, ε in pixels of 0..255; by default
            the paper's targeted PGD (section 3) with ε = 8, N = 10 and α = 2.
        epochs: passes over the training images; 10 by default.
        batch_size: images of a step over all devices; 128 by default.
        learning_rate: at its highest; by default 0.1 for 256 images, in proportion.
        optimizer: ``momentum_sgd`` by default.
        decay: of the learning rate, ``cosine`` by default.
        augmentation: of the training images; none by default.
        validation: images to hold out of training and validate on after each epoch, clean and
            under untargeted PGD-10: a number or a share, such as 0.1.
        seed: of the weights and of every random draw.
        settings: any other value by its gin name, such as ``{"NormPolicy.freeze": "statistics"}``.
        plugins: modules that register parts.
    """

    strategy: str | Part | BatchStrategy
    attack: str | Part | Attack
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str | Part
    decay: str | Part
    augmentation: str | Part
    validation: float
    seed: int
    settings: Mapping[str, Any]
    plugins: Sequence[str]


def fit(
    model: Network | Recipe | keras.Model | str,
    data: Any = None,
    *,
    folder: str | Path | None = None,
    callbacks: Sequence[Callable[[dict], object]] = (),
    quiet: bool = False,
    **choices: Unpack[Choices],
) -> Run:
    """Trains a network adversarially, and returns the run.

    The same call with the same `folder` resumes a run that was stopped, or returns a finished
    one. Nothing of gin is needed, and nothing that gin holds is changed.

    Args:
        model: a Keras model, what `robust` or `network` returns, or the name of a registered
            network; or a recipe, as `from_gin` returns one, which says all that `choices` do.
        data: what `tfadv.data.arrays`, `tfadv.data.dataset` or `tfadv.data.files` returns; arrays
            ((x_train, y_train), (x_test, y_test)); a `tf.data.Dataset`; the name of a registered
            data set, or `part` with its parameters. Images are in 0..255.
        folder: of the run; None takes one that goes with the run.
        callbacks: are called with the record of each validation; one that returns True ends the
            training there.
        quiet: prints nothing but warnings.
        **choices: ``strategy``, ``attack``, ``epochs``, ``batch_size``, ``learning_rate``,
            ``optimizer``, ``decay``, ``augmentation``, ``validation``, ``seed``, ``settings``
            and ``plugins``: see `Choices`.

    Raises:
        UserError: an argument is wrong, or `folder` holds another run; before any training.
        KeyboardInterrupt: training was interrupted; it is saved, and the same call resumes it.
    """
    with in_python(quiet):
        if not isinstance(model, Recipe):
            made, network = _made(model, data, choices)
            return _trained(made, network, folder, callbacks, quiet)
        given = [*choices, *([] if data is None else ["data"])]
        if given:
            raise UserError(f"{given[0]}: a recipe says that already: see Recipe.with_values")
        return _trained(model, None, folder, callbacks, quiet)


def recipe(model: Network | str, data: Any, **choices: Unpack[Choices]) -> Recipe:
    """Returns what `fit` would train by, to look at, change or write as a gin file.

    Args:
        model: what `network` returns, or the name of a registered network.
        data: see `fit`.
        **choices: see `Choices`.

    Raises:
        UserError: an argument is wrong, or the network is a Keras model, which a run keeps.
    """
    with in_python():
        made, network = _made(model, data, choices)
        if network.keras_model is not None:
            raise UserError("model: a Keras model is kept by a run: fit it, and see run.recipe")
        with made.read():
            return made


def _made(model: Any, data: Any, choices: Mapping[str, Any]) -> tuple[Recipe, Network]:
    """Returns the recipe of what Python code says, and the network of it."""
    for name in choices.keys() - Choices.__annotations__.keys():
        known = Choices.__annotations__
        raise UserError(f"fit takes no '{name}', but {', '.join(known)}.{nearest(name, known)}")
    if data is None:
        raise UserError("data: no images are given, such as tfadv.data.arrays(x, y)")
    choices = {name: value for name, value in choices.items() if value is not None}
    settings = choices.get("settings", {})
    check(isinstance(settings, Mapping), "settings", "be a dictionary", settings)
    network = chosen_network(model)
    values, images = chosen_images(data)
    parts = {name: choices[name] for name in _REGISTRIES if name in choices}
    values |= network.values | _of_parts(parts) | _of_numbers(choices, settings)
    files = (DEFAULTS, *([_VALIDATION] if "validation" in choices else []))
    plugins = several(choices.get("plugins", ()))
    return Recipe(files, values | dict(settings), images, plugins), network


def _of_numbers(choices: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: choices[name] for name, key in _NUMBERS.items() if name in choices}
    if "learning_rate" in choices:
        size = choices.get("batch_size", settings.get("Training.batch_size", _BATCH_SIZE))
        for name, value in (("learning_rate", choices["learning_rate"]), ("batch_size", size)):
            check(isinstance(value, int | float) and value > 0, name, "be a number > 0", value)
        values["LearningRate.rate_per_256"] = choices["learning_rate"] * 256 / size
    return values


def _of_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for name, one in given.items():
        scope = _SCOPE if isinstance(one, Attack) else ""
        spec, own = chosen(_REGISTRIES[name], one, name, scope)
        values |= {f"Experiment.{name}": spec, **own}
        if name == "attack":
            values |= _lent(own)
    return values


def _lent(own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what other attacks take of the training attack: the threat model, N and α."""
    by_name = {key.rpartition(".")[2]: value for key, value in own.items()}
    found = {f"PGD.{name}": by_name[name] for name in _LENT if name in by_name}
    epsilon = by_name.get("epsilon")
    if isinstance(epsilon, int | float):
        found["eval/PGD.step_size"] = epsilon / 16  # the paper's share
    return found


def _trained(recipe: Recipe, network: Network | None, folder, callbacks, quiet: bool) -> Run:
    scratch = None if folder is not None else tempfile.TemporaryDirectory(prefix="tfadv-")
    path = Path(scratch.name if scratch else folder)
    directory, says = RunDirectory(path), Notices(quiet)
    with contextlib.ExitStack() as inside:
        if network and network.keras_model is not None:
            file = inside.enter_context(kept(network.keras_model, path))
            recipe = recipe.with_values({"Keras.path": str(file)})
        read = inside.enter_context(recipe.read())
        says.warn(read.failures.values())
        directory.check(read)
        plan = build_plan(read)
        if directory.results() is None:
            train(read, plan, directory, says, listeners=[_heard(one) for one in callbacks])
        else:
            identity.check_run(directory, plan, identity.alone())
    return Run(path, recipe, scratch)


def _heard(callback: Callable[[dict], object]) -> Callable[[dict], object]:
    def listener(record: dict) -> object:
        with caller():
            return callback(record)

    return listener
