"""What a run took where 'auto' is bound, in ``run.json``: it is resumed and measured with that."""

from collections.abc import Mapping, Sequence

from tfadv.devices.local import AMX, machine
from tfadv.planning.dtype_choice import ATTACK, EXACT, FAST, Choice
from tfadv.planning.plan import Plan
from tfadv.runs.run_directory import RunDirectory

KEY = "precision"


def records(plan: Plan) -> dict[str, dict]:
    """Returns what a plan's 'auto' came to, as JSON values by parameter."""
    return {parameter: choice.record() for parameter, choice in plan.precision.items()}


def choices(found: Mapping[str, Mapping]) -> dict[str, Choice]:
    """Returns what `records` wrote."""
    return {parameter: Choice.of(record) for parameter, record in found.items()}


def of_run(directory: RunDirectory) -> dict[str, Choice]:
    """Returns what a run took, by parameter; nothing of one that can't be resumed.

    Earlier releases noted nothing: they attacked in bfloat16 on GPUs, TPUs and CPUs with AMX.
    """
    if not directory.has_begun:
        return {}
    return choices(directory.precision()) or {ATTACK: before_it_was_noted(directory.starts())}


def before_it_was_noted(starts: Sequence[Mapping] = ()) -> Choice:
    """Returns what earlier releases took for ``Training.attack_dtype``.

    Args:
        starts: of the run, as ``run.json`` has them; none, where there are none, takes this
            machine for the run's.
    """
    here = machine()
    last = starts[-1] if starts else {}
    processor = last.get("processor", here["processor"])
    devices = [name for name in last.get("devices", []) if "CPU" not in name]
    fast = bool(devices if starts else here["accelerators"]) or AMX in processor
    why = "as earlier releases took it, which noted none: bfloat16 with AMX or an accelerator"
    return Choice(FAST if fast else EXACT, why)
