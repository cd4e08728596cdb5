"""What XLA gets of a run, as files that jaxlib compiles, checks and times without TensorFlow."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.devices.local import accelerator_assumed
from tfadv.errors import UserError
from tfadv.files import new_folder, write_json, write_text
from tfadv.interop.xla_programs import CONVOLUTIONS, PLAIN, Program, Programs
from tfadv.models.classifier import Trainable
from tfadv.planning.plan import Plan
from tfadv.planning.workload import measure_forward

Arrays = dict[str, np.ndarray]
RECORD, ARRAYS, EXPECTED = "stablehlo.json", "arrays.npz", "expected.npz"
GRADIENT_NUMBERS = 1000
_MAIN = re.compile(r"func\.func (?:public )?@main\((.*?)\) ->", re.DOTALL)
_PARAMETER = re.compile(r"%arg\d+: tensor<")


@dataclasses.dataclass(frozen=True)
class Choice:
    """What to write.

    Attributes:
        branch: which norm branch; None takes the default one.
        batch_size: number of images.
        dtype: of the convolutions.
        convolutions: of the attack, some of `CONVOLUTIONS`.
    """

    branch: str | None
    batch_size: int
    dtype: str
    convolutions: Sequence[str] = CONVOLUTIONS


def write_stablehlo(plan: Plan, model: Trainable, folder: Path, choice: Choice) -> list[str]:
    """Writes a folder of programs.

    It holds ``NAME.mlir`` (StableHLO) for each; ``arrays.npz``, whatever they take; in
    ``stablehlo.json`` each one's parameters in their order, outputs and operations; and in
    ``expected.npz`` what TensorFlow computes here, outside XLA (of a gradient the first numbers).

    Args:
        plan: of a run.
        model: its model.
        folder: where to; it must not exist, or be empty.
        choice: of what.

    Returns:
        The names of the programs' files.

    Raises:
        UserError: see `Programs`.
    """
    programs = Programs(plan, model, choice.branch, choice.dtype)
    arrays = programs.inputs(choice.batch_size)
    given = {name: tf.constant(array) for name, array in arrays.items()}
    flops = measure_forward(model) * choice.batch_size
    record = {
        "model": model.describe(),
        "attack": plan.attack.describe() | {"name": type(plan.attack).__name__},
        **dataclasses.asdict(choice),
        "programs": [],
    }
    expected: Arrays = {}  # what TensorFlow computes, whole
    with new_folder(folder) as partial:
        for program in programs.all(tuple(choice.convolutions)):
            if f"{program.name}/{program.outputs[0]}" not in expected:
                expected |= _results(program, given)
            described, kept = _write(program, given, model, partial)
            outputs = {name: expected[f"{program.name}/{name}"] for name in program.outputs}
            described["outputs"] = [_described(*item) for item in outputs.items()]
            record["programs"].append(described | {"flops": program.passes * flops})
            arrays |= kept
        np.savez(partial / ARRAYS, **arrays)
        np.savez(partial / EXPECTED, **{name: _kept(name, a) for name, a in expected.items()})
        write_json(partial / RECORD, record)
    return [program["file"] for program in record["programs"]]


def _write(
    program: Program, given: Mapping[str, tf.Tensor], model: Trainable, folder: Path
) -> tuple[dict, Arrays]:
    """Writes a program's text; returns its record, and what it takes beside its inputs."""
    arguments = {name: given[name] for name in program.inputs}
    with accelerator_assumed():
        text, kept = _lowered(program, list(arguments.values()), model)
    plain = f".{PLAIN}" if program.convolutions == PLAIN else ""
    file = f"{program.name}{plain}.mlir"
    write_text(folder / file, text)
    record = {
        "name": program.name,
        "convolutions": program.convolutions,
        "file": file,
        "parameters": [_described(*item) for item in {**arguments, **kept}.items()],
    }
    return record, kept


def _results(program: Program, given: Mapping[str, tf.Tensor]) -> Arrays:
    """Returns what a program computes here, outside XLA; its attack's other form, the same."""
    outputs = tf.function(program.function, autograph=False)(*(given[n] for n in program.inputs))
    names = (f"{program.name}/{name}" for name in program.outputs)
    return dict(zip(names, map(np.asarray, outputs), strict=True))


def _kept(name: str, array: np.ndarray) -> np.ndarray:
    """Returns what a file keeps of a result: of a gradient, as large as a weight, a part."""
    return array.ravel()[:GRADIENT_NUMBERS] if "/gradient of " in name else array


def _lowered(program: Program, arguments, model) -> tuple[str, Arrays]:
    """Returns a program's text, and what it takes beside its inputs, in their order."""
    function = tf.function(program.function, jit_compile=True, autograph=False)
    captured = function.get_concrete_function(*arguments).captured_inputs
    paths = {id(variable.value.handle): variable for variable in model.variables}
    kept: Arrays = {}
    for tensor in captured:
        if tensor.dtype == tf.resource:
            variable = paths[id(tensor)]
            kept[variable.path] = np.asarray(variable)
        else:
            kept[f"{program.name} constant {len(kept)}"] = tensor.numpy()
    text = function.experimental_get_compiler_ir(*arguments)(stage="stablehlo")
    parameters = len(_PARAMETER.findall(_MAIN.search(text)[1]))
    if parameters != len(arguments) + len(captured):
        raise UserError(
            f"--to=stablehlo: {program.name} has {parameters} parameters, and "
            f"{len(arguments) + len(captured)} arrays are known of it: this network's programs "
            "can't be written"
        )
    return text, kept


def _described(name: str, array: np.ndarray | tf.Tensor) -> dict[str, object]:
    return {"name": name, "shape": list(array.shape), "dtype": tf.as_dtype(array.dtype).name}
