"""What runs took for 'auto': as they noted it, or as releases that noted nothing took it."""

import pytest
from shared.measured_dtypes import ATTACK
from shared.smoke_trainers import SMOKE, claimed, make_plan, one_device

from tfadv import config
from tfadv.devices.local import processor_name
from tfadv.planning.dtype_choice import Choice
from tfadv.planning.plan import build_plan
from tfadv.runs import noted_precision, trained_run
from tfadv.runs.checkpoints import Checkpoints

PARAMETER = "Training.attack_dtype"


def saved(folder, **notes):
    """Returns the folder of a run that was saved once, and notes of its start."""
    directory = claimed(folder, "gn")
    directory.note_start(**notes)
    trainer = one_device(make_plan("gn"))
    folder = directory.checkpoints_path
    Checkpoints(folder, trainer.model, trainer.optimizer, None, directory.bound_to()).save()
    return directory


@pytest.mark.parametrize(
    ("processor", "devices", "dtype"),
    [
        ("Intel(R) Xeon(R) Processor with AMX, 2 cores", ["/device:CPU:0"], "bfloat16"),
        ("AMD EPYC, 2 cores", ["/device:CPU:0", "/device:CPU:1"], "float32"),
        ("AMD EPYC, 2 cores", ["/device:CPU:0", "/device:GPU:0"], "bfloat16"),
    ],
)
def test_a_run_that_noted_nothing_keeps_what_its_release_took(tmp_path, processor, devices, dtype):
    directory = saved(tmp_path, processor=processor, devices=devices)
    found = noted_precision.of_run(directory)
    assert found.keys() == {PARAMETER} and found[PARAMETER].dtype == dtype
    assert "earlier releases" in found[PARAMETER].line(PARAMETER)


def test_a_run_without_any_record_is_taken_for_one_of_this_machine(tmp_path):
    directory = saved(tmp_path)
    (tmp_path / "run.json").unlink()
    tiles = "with AMX" in processor_name()
    (choice,) = noted_precision.of_run(directory).values()
    assert choice.dtype == ("bfloat16" if tiles else "float32")


def test_what_was_noted_holds_once_there_is_something_to_resume(tmp_path):
    noted = {PARAMETER: Choice("bfloat16", "it was faster")}
    records = {name: choice.record() for name, choice in noted.items()}
    unsaved = claimed(tmp_path / "unsaved", "gn")
    unsaved.note(precision=records)
    assert noted_precision.of_run(unsaved) == {}
    directory = saved(tmp_path / "saved")
    directory.note(precision=records)
    assert noted_precision.of_run(directory) == noted


def test_a_trained_run_has_the_dtypes_that_it_took(machine, tmp_path):
    directory = saved(tmp_path)
    directory.note(precision={PARAMETER: Choice("bfloat16", "it was faster").record()})
    config.read(["gin/gn.gin", SMOKE], [ATTACK])
    run = trained_run.load(tmp_path, build_plan())
    assert run.plan.training.attack_dtype == "bfloat16" and machine.asked == []
