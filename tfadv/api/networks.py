"""The network of a run as Python code gives it."""

import contextlib
import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfadv.api.parts import Part, chosen
from tfadv.errors import UserError
from tfadv.files import check_place, write_bytes
from tfadv.registry import MODELS, NORMS
from tfadv.runs.run_directory import GIVEN_MODEL, RunDirectory


@dataclasses.dataclass(frozen=True)
class Network:
    """A network to train, and its norms; made by `robust` or `network`.

    Attributes:
        values: what is bound for them, by ``Name.parameter``.
        keras_model: that it is made of, if it is made of one.
    """

    values: dict[str, Any]
    keras_model: keras.Model | None = None


def robust(
    model: keras.Model,
    norm: str | Part = "mixture_batch_norm",
    *,
    replace: Sequence[str] = ("BatchNormalization",),
    pixel_mean: float | Sequence[float] | None = None,
    pixel_std: float | Sequence[float] | None = None,
    new_head: bool = False,
) -> Network:
    """Returns a network to train: a Keras model in which a norm takes the place of its own.

    Each branch of the norm starts from what the Keras model's norm has learned. The model
    itself is not changed.

    Args:
        model: Functional or Sequential, from images to logits. One that begins with `Rescaling`
            or `Normalization` takes pixels 0..255 as they are.
        norm: the name of a norm, or `part` with its parameters.
        replace: Keras' layers that the norm takes the place of.
        pixel_mean: subtracted from pixels 0..255 before the model's first layer; None finds it.
        pixel_std: divides them; 0 and 255 make 0..1.
        new_head: whether the last dense layer starts anew, for the classes of the images.

    Raises:
        UserError: there is no such norm, or it is no Keras model.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            f"model: a {type(model).__name__} is no keras.Model; tfadv.network('resnet') names one "
            "of the registered networks"
        )
    stated = {"replace": tuple(replace), "pixel_mean": pixel_mean, "pixel_std": pixel_std}
    values = {f"Keras.{name}": value for name, value in stated.items() if value is not None}
    values |= {"Experiment.model": "keras", "Experiment.new_head": new_head}
    return Network(values | _norm(norm), model)


def network(
    name: str = "resnet", norm: str | Part = "mixture_batch_norm", **parameters: Any
) -> Network:
    """Names a registered network, such as ``network("resnet", blocks=(3, 4, 6, 3), width=64)``.

    Args:
        name: as ``python -m tfadv.plugins`` lists it.
        norm: the name of a norm, or `part` with its parameters.
        **parameters: of the network; the others keep their defaults.

    Raises:
        UserError: there is no such network or norm.
    """
    spec, values = chosen(MODELS, Part(name, parameters), "model")
    return Network({"Experiment.model": spec, **values, **_norm(norm)})


def chosen_network(model: Any) -> Network:
    """Returns the network that `fit` is given: a `Network`, a Keras model, or a name.

    Raises:
        UserError: it is none of these.
    """
    if isinstance(model, Network):
        return model
    if hasattr(model, "logits_fn"):
        raise UserError(
            f"model: a {type(model).__name__} has its norms already: name it instead, such as "
            "tfadv.network('resnet', norm='group_norm')"
        )
    return network(model) if isinstance(model, str) else robust(model)


@contextlib.contextmanager
def kept(model: keras.Model, folder: Path) -> Iterator[Path]:
    """Writes a Keras model into a run's folder, where the run reads it.

    What was written goes again where no run begins inside.

    Args:
        model: the model.
        folder: of the run, which may have begun.

    Yields:
        The file.

    Raises:
        UserError: another model is there already, or this one can't be written.
    """
    check_place(folder, "model_dir")
    if folder.is_file():
        raise UserError(f"folder: '{folder}' is a file, not a folder")
    path, is_new = folder / GIVEN_MODEL, not folder.exists()
    written = not path.exists()
    if written:
        content = _saved(model)
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    elif _digest(keras.saving.load_model(path, compile=False)) != _digest(model):
        raise UserError(f"'{path}' is another Keras model: choose another folder")
    try:
        yield path
    finally:
        if written and not RunDirectory(folder).is_claimed:
            path.unlink(missing_ok=True)
            if is_new:
                with contextlib.suppress(OSError):  # others may have written there by now
                    folder.rmdir()


def _saved(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / GIVEN_MODEL
        try:
            model.save(path)
        except (TypeError, ValueError, NotImplementedError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"model: Keras can't save it ({reason:.200})") from error
        return path.read_bytes()


def _norm(norm: str | Part) -> dict[str, Any]:
    spec, values = chosen(NORMS, norm, "norm")
    return {"Experiment.norm": spec, **values}


def _digest(model: keras.Model) -> str:
    found = hashlib.sha256(model.to_json().encode())
    for value in model.get_weights():
        found.update(np.ascontiguousarray(value).tobytes())
    return found.hexdigest()
