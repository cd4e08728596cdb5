"""A step that was not finite is kept whole, done again alone, and gone on from."""

import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from shared.measured_dtypes import ATTACK
from shared.poisoned import poisoned_by_image, poisoned_in_the_loss
from shared.smoke_trainers import claimed, make_plan, mirrored, one_device, values

from tfadv.config.training_settings import Training
from tfadv.data.source import Splits
from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.runs.noted_precision import before_it_was_noted
from tfadv.runs.step_dump import StepDump, place
from tfadv.training.replay import Replay, precision_of, sources_of
from tfadv.training.session import Interrupted, Session
from tfadv.training.trainer import Trainer

RUN = ("Training.epochs = 4", "Training.average_decay = 0.9", "PGD.steps = 1")
RUN += ("Evaluation.attacks = ()",)
WIDE = (
    "Experiment.model = 'wide_resnet'",
    "WideResNet.depth = 10",
    "WideResNet.widen_factor = 1",
)
BAD = 4 * 16 + 7  # an example of step 5, and its place there
PARTS = ("Training.micro_batch_size = 4", "NormPolicy.across_replicas = 'local'")


def stopped(folder, trainer):
    """Runs a session to the step that is not finite; returns what it says."""
    with pytest.raises(UserError) as error:
        Session(trainer).run(claimed(folder))
    return error.value.message


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("trainer_of", "poisoned", "bindings", "first"),
    [
        (one_device, poisoned_by_image, (), "the images of the kind 'clean'"),
        pytest.param(mirrored, poisoned_in_the_loss, PARTS, "the loss", marks=pytest.mark.slow),
    ],
)
def test_a_step_is_done_again_to_the_last_bit(
    forget_plugins, machine, tmp_path, trainer_of, poisoned, bindings, first
):
    machine.faster = "float32"
    plan = make_plan("mbn", *RUN, ATTACK, *bindings, f"Experiment.strategy = '{poisoned(BAD)}'")
    trainer = trainer_of(plan)
    message = stopped(tmp_path / "run", trainer)
    assert message.startswith(f"step 5: {first}")
    folder = tmp_path / "run/non_finite/step-5"
    assert f"--replay={folder} does the step again" in message
    dump = StepDump.read(place(folder / "step.json"))
    absent, extra = sources_of(dump)
    assert extra is None
    assert isinstance(absent, Splits) and len(absent.train) == 32
    machine.faster = "bfloat16"  # which is not asked
    of_dump = dataclasses.replace(plan, splits=absent)
    again = Trainer(of_dump, trainer.distribution, precision_of(dump))
    assert again.plan.training.attack_dtype == "float32"
    replay = Replay(dump, again)
    for found, before in zip(again.variables, trainer.variables, strict=True):
        np.testing.assert_array_equal(np.array(found), np.array(before))
    fault, names = replay.run()
    assert names[0] == first
    assert replay.unlike(fault) == []


def test_a_dump_of_a_release_that_noted_no_dtype_takes_that_release_s(machine):
    dump = StepDump({"step": 1}, {}, {}, "")
    plan = make_plan("mbn", ATTACK)
    trainer = Trainer(plan, tf.distribute.get_strategy(), precision_of(dump))
    assert trainer.plan.training.attack_dtype == before_it_was_noted().dtype
    assert machine.asked == []


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("bindings", "layer", "before"),
    [
        ((), "stage1_block1/reduce", "stem"),
        pytest.param(WIDE, "stage2_block1_first", "stage1", marks=pytest.mark.slow),
    ],
)
def test_the_layer_that_is_not_finite_is_named(tmp_path, bindings, layer, before):
    """A weight is far too large: within the forward pass, the layer after it overflows."""
    trainer = one_device(make_plan("mbn", *RUN, *bindings))
    for _ in zip(trainer.steps(), range(2), strict=False):
        pass
    kernel = next(v for v in trainer.model.variables if v.path == f"{layer}/kernel")
    kernel.assign(np.full(kernel.shape, 1e38, np.float32))
    message = stopped(tmp_path / "run", trainer)
    (folder,) = (tmp_path / "run/non_finite").iterdir()
    replay = Replay(StepDump.read(folder), one_device(make_plan("mbn", *RUN, *bindings)))
    fault, names = replay.run()
    assert str(fault) in message and replay.unlike(fault) == []
    inside = [name for name in names if layer in name]
    assert inside and not any(before in name for name in names[: names.index(inside[0])])
    if bindings:  # a layer that Keras doesn't call, before the norm that takes its output
        forward = [name for name in names if name.startswith("what ")]
        assert forward[0] == f"what {layer} (branch 'clean') returns"
        assert "stage2_block1_second_norm" in forward[1]


@pytest.mark.usefixtures("op_by_op")
def test_a_run_resumed_at_another_rate_keeps_it(tmp_path):
    """Stopped at step 4, resumed at half the rate, stopped at 6 and resumed without a word."""
    bindings = ("Training.epochs = 4", "Evaluation.attacks = ()")
    directory = claimed(tmp_path / "run")
    for stop, factor in ((4, None), (6, 0.5), (None, None)):
        trainer = one_device(make_plan("clean", *bindings))
        steps = trainer.steps

        def interrupted_steps(stops, steps=steps, stop=stop):
            for metrics in steps(stops):
                if metrics["step"] == stop:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield metrics

        trainer.steps = interrupted_steps
        directory = claimed(tmp_path / "run")
        if stop:
            with pytest.raises(Interrupted):
                Session(trainer).run(directory, factor)
        else:
            results = Session(trainer).run(directory, factor)
    plain = one_device(make_plan("clean", *bindings))
    plain.plan.learning_rate.factors = (RateFactor(4, 0.5),)
    for _ in plain.steps():
        pass
    for path, value in values(plain).items():
        np.testing.assert_array_equal(values(trainer)[path], value)
    noted = {"from_step": 4, "factor": 0.5}
    assert results["model"]["learning_rate_factors"] == [noted]
    starts = json.loads((tmp_path / "run/run.json").read_text())["starts"]
    assert [start.get("learning_rate_factor") for start in starts] == [None, None, noted, None]


@pytest.mark.usefixtures("op_by_op")
def test_skipped_steps_are_counted_over_a_run_s_starts(forget_plugins, tmp_path):
    strategy = f"Experiment.strategy = '{poisoned_by_image(BAD)}'"
    plan = make_plan("mbn", *RUN, strategy, "Training.skip_non_finite = 1")
    directory = claimed(tmp_path / "run")
    results = Session(one_device(plan)).run(directory)
    assert results["model"]["skipped_steps"] == 1
    assert directory.skipped_steps(4) == 0 and directory.skipped_steps(8) == 1
    (tmp_path / "run/results.json").unlink()
    resumed = one_device(plan)
    assert Session(resumed).run(directory)["model"]["skipped_steps"] == resumed.skipped == 1


@pytest.mark.parametrize("damage", ["cut", "missing", "pickled"])
def test_a_dump_that_is_not_whole_is_refused(tmp_path, damage):
    arrays = {"a": np.zeros(3)}
    folder = StepDump({"step": 1}, arrays, arrays, "").write(tmp_path)
    state = folder / "state.npz"
    if damage == "cut":
        state.write_bytes(state.read_bytes()[:50])
    elif damage == "missing":
        state.unlink()
    else:
        np.savez(state, a=np.array([Training], object))
    with pytest.raises(UserError, match="--replay: .* is no whole dump of a step"):
        StepDump.read(folder)
    with pytest.raises(UserError, match="--replay: .* is no dump of a step"):
        place(tmp_path)
