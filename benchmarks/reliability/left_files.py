"""What a command has left, compared with what an unbroken one leaves."""

import io
import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

# Wall times, and what TensorBoard draws by them; how often a run was started.
_TIMED = ("images_per_second", "input_wait")
_NOT_COMPARED = re.compile(r"(^|/)(tensorboard/.*|run\.json)$")
_CHECKPOINT = re.compile(r"checkpoints/step-(\d+)/")
_LEFTOVER = re.compile(r"\.partial|\.removed|_temp|\.tempstate|tmp|lock|\.writing", re.IGNORECASE)


def contents(folder: Path) -> dict[str, object]:
    """Returns what a folder's files hold, by their paths; of the checkpoints, the newest."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    newest = max((int(m[1]) for name in names if (m := _CHECKPOINT.search(name))), default=0)
    found = {}
    for name in sorted(names):
        step = _CHECKPOINT.search(name)
        others = step and (int(step[1]) != newest or name.endswith("manifest.json"))
        if not others and not _NOT_COMPARED.search(name):
            found[name] = _content(folder / name)
    return found


def differences(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """Returns the paths that are missing, too many, or hold something else."""
    paths = {*found, *expected}
    return sorted(path for path in paths if found.get(path) != expected.get(path))


def leftovers(folder: Path) -> list[str]:
    """Returns the names of what a write that was not finished, or a lock, left."""
    paths = [*folder.rglob("*")]
    return sorted(str(path.relative_to(folder)) for path in paths if _LEFTOVER.search(path.name))


def newest_tensors(checkpoints: Path) -> dict[str, np.ndarray]:
    """Returns the tensors of a run's newest checkpoint, by name."""
    newest = max(checkpoints.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))
    return _tensors(newest / "variables")


def _tensors(prefix: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(prefix))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    return {name: np.asarray(reader.get_tensor(name)) for name in names}


def _content(path: Path) -> object:
    if path.suffix == ".index":
        return {name: value.tobytes() for name, value in _tensors(path.with_suffix("")).items()}
    if ".data-" in path.name:
        return "by its index"
    if path.suffix in (".npz", ".keras"):
        with zipfile.ZipFile(path) as members:  # without their times
            names = [name for name in members.namelist() if name != "metadata.json"]
            return {name: _member(name, members.read(name)) for name in names}
    if path.name == "metrics.jsonl":
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [{k: v for k, v in line.items() if k not in _TIMED} for line in lines]
    return path.read_bytes()


def _member(name: str, content: bytes) -> object:
    """Returns what a member of a zip file holds; of an HDF5 file, its arrays."""
    if not name.endswith(".h5"):
        return content
    arrays: dict[str, bytes] = {}

    def note(path: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[path] = np.asarray(item).tobytes()

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(note)
    return arrays
