"""A model's branches as files of other runtimes, each compared with the model itself."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfadv.errors import UserError, check_choice
from tfadv.interop import litert_form, onnx_form, reference
from tfadv.interop.loaded_bundle import LOGITS_TOLERANCE
from tfadv.interop.saved_model import Endpoints

FORMATS = {"onnx": onnx_form, "litert": litert_form}
_SUFFIXES = {"onnx": "onnx", "litert": "tflite"}


def check_formats(formats: Sequence[str]) -> None:
    """Raises `UserError` unless all are known, and what writes them is installed."""
    for name in formats:
        check_choice("--format", name, tuple(FORMATS))
        needs = FORMATS[name].NEEDS
        missing = [module for module in needs if importlib.util.find_spec(module) is None]
        if missing:
            packages = " ".join(f"{module}=={version}" for module, version in needs.items())
            raise UserError(
                f"--format={name} needs {', '.join(missing)}: python -m pip install {packages}"
            )


def write_converted(
    endpoints: Endpoints,
    folder: Path,
    names: Mapping[str, str],
    formats: Sequence[str],
    expected: Mapping[str, np.ndarray],
) -> dict[str, dict]:
    """Writes each branch in each format beside its SavedModel.

    Args:
        endpoints: the model's branches, saved in `folder`.
        folder: of the bundle.
        names: the endpoint of each branch.
        formats: some of `FORMATS`.
        expected: the bundle's reference.

    Returns:
        For each format and branch the ``file``, and the largest ``difference`` of its logits
        from the model's on the reference images, in parts of the largest.

    Raises:
        UserError: a branch can't be written in a format, or gives other logits there.
    """
    record: dict[str, dict] = {name: {} for name in formats}
    for name in record:
        (folder / name).mkdir()
        for branch, endpoint in names.items():
            file = f"{name}/{branch}.{_SUFFIXES[name]}"
            try:
                _write(name, endpoints, folder, endpoint, folder / file)
                found = FORMATS[name].logits(folder / file, expected["images"])
            except MemoryError:
                raise
            except Exception as error:  # of any type: the converters raise many
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise UserError(
                    f"--format={name}: branch '{branch}' can't be written so ({reason:.200}): "
                    "leave it out"
                ) from error
            difference = reference.distance(found, expected[f"logits_{branch}"])
            if not difference <= LOGITS_TOLERANCE:
                raise UserError(
                    f"--format={name}: branch '{branch}' gives other logits there: they differ by "
                    f"{difference:.1e} of the largest: leave it out"
                )
            record[name][branch] = {"file": file, "difference": float(f"{difference:.2g}")}
    return record


def _write(name: str, endpoints: Endpoints, folder: Path, endpoint: str, path: Path) -> None:
    if name == "onnx":
        function = getattr(endpoints, endpoint)
        (images,) = function.input_signature
        onnx_form.write(function.python_function, tuple(images.shape[1:]), path)
    else:
        litert_form.write(folder, endpoint, path)
