"""Training from Python: what ``python -m tfadv.train`` does, said in arguments."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfadv.api.images import chosen_images
from tfadv.api.network import Network, chosen_network, kept
from tfadv.api.notices import Notices, in_python
from tfadv.api.parts import Part, chosen
from tfadv.api.recipe import DEFAULTS, Recipe
from tfadv.api.run import Run
from tfadv.attacks import Attack
from tfadv.config.isolated import caller
from tfadv.errors import UserError
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


def fit(
    model: Network | Any,
    data: Any = None,
    *,
    strategy: str | Part | BatchStrategy | None = None,
    attack: str | Part | Attack | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    optimizer: str | Part | None = None,
    decay: str | Part | None = None,
    augmentation: str | Part | None = None,
    validation: float | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    plugins: Sequence[str] = (),
    folder: str | Path | None = None,
    callbacks: Sequence[Callable[[dict], object]] = (),
    quiet: bool = False,
) -> Run:
    """Trains a network adversarially, and returns the run.

    The same call with the same `folder` resumes a run that was stopped, or returns a finished
    one. Nothing of gin is needed, and nothing that gin holds is changed.

    Args:
        model: a Keras model, what `robust` or `network` returns, or the name of a registered
            network; or a recipe of `from_gin`, which says all else but the last three.
        data: what `tfadv.data.arrays`, `tfadv.data.dataset` or `tfadv.data.files` returns; arrays
            ((x_train, y_train), (x_test, y_test)); a `tf.data.Dataset`; the name of a registered
            data set, or `part` with its parameters. Images are in 0..255.
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
        folder: of the run; None takes one that goes with the run.
        callbacks: are called with the record of each validation; one that returns True ends the
            training there.
        quiet: prints nothing but warnings.

    Raises:
        UserError: an argument is wrong, or `folder` holds another run; before any training.
        KeyboardInterrupt: training was interrupted; it is saved, and the same call resumes it.
    """
    said = {
        "strategy": strategy,
        "attack": attack,
        "optimizer": optimizer,
        "decay": decay,
        "augmentation": augmentation,
    }
    numbers = {
        "Training.epochs": epochs,
        "Training.batch_size": batch_size,
        "Experiment.seed": seed,
        "LearningRate.rate_per_256": learning_rate,
        "Validation.images": validation,
    }
    with in_python(quiet):
        if isinstance(model, Recipe):
            others = {"data": data, **said, **numbers, "settings": settings}
            given = [name.rpartition(".")[2] for name, value in others.items() if value is not None]
            if given or plugins:
                name = given[0] if given else "plugins"
                raise UserError(f"{name}: a recipe says that already: see Recipe.with_values")
            return _trained(model, None, folder, callbacks, quiet)
        network = chosen_network(model)
        made = _recipe(network, data, said, numbers, settings or {}, plugins)
        return _trained(made, network, folder, callbacks, quiet)


def _recipe(network: Network, data, parts, numbers, settings, plugins) -> Recipe:
    if data is None:
        raise UserError("data: no images are given, such as tfadv.data.arrays(x, y)")
    values, images = chosen_images(data)
    values |= network.values | _of_parts(parts)
    values |= {key: value for key, value in numbers.items() if value is not None}
    if numbers["LearningRate.rate_per_256"] is not None:
        size = numbers["Training.batch_size"] or settings.get("Training.batch_size", 128)
        values["LearningRate.rate_per_256"] *= 256 / size
    files = (DEFAULTS,)
    if numbers["Validation.images"] is not None:
        files += (_VALIDATION,)
    return Recipe(files, values | dict(settings), images, tuple(plugins))


def _of_parts(given: Mapping[str, Any]) -> dict[str, Any]:
    registries = {
        "strategy": STRATEGIES,
        "attack": ATTACKS,
        "optimizer": OPTIMIZERS,
        "decay": DECAYS,
        "augmentation": AUGMENTATIONS,
    }
    values = {}
    for name, one in given.items():
        if one is None:
            continue
        scope = _SCOPE if isinstance(one, Attack) else ""
        spec, own = chosen(registries[name], one, name, scope)
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
    if network and network.keras_model is not None:
        recipe = recipe.with_values({"Keras.path": str(kept(network.keras_model, path))})
    directory, says = RunDirectory(path), Notices(quiet)
    with recipe.read() as read:
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
