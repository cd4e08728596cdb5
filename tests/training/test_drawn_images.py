"""Runs on mixed, weighted images of two sources: the same resumed, divided or on two replicas."""

import os
import signal

import numpy as np
import pytest
from shared.smoke_trainers import claimed, do_steps, make_plan, mirrored, one_device, values
from shared.tiny_data import write_npz

from tfadv.training.finite import Fault
from tfadv.training.replay import dump_of
from tfadv.training.session import Interrupted, Session

SIDE, CLASSES = 8, 4
ALL = (
    "Mixing.mixup_alpha = 0.4",
    "Mixing.cutmix_alpha = 1.0",
    "Training.extra_share = 0.5",
    "Training.class_weights = (1, 2, 3, 4)",
    "synthetic.train_examples = 40",
    "PGD.steps = 1",
    "Evaluation.attacks = ()",
)


@pytest.fixture
def drawn(tmp_path):
    """Returns bindings of all that may be drawn at once."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (20, SIDE, SIDE, 3), np.uint8)
    path = write_npz(tmp_path / "extra.npz", pixels, random.dirichlet(np.ones(CLASSES), 20))
    extra = [f"extra/npz.{split} = '{path}'" for split in ("train", "test")]
    return ("Experiment.extra = 'extra/npz'", *extra, *ALL)


@pytest.mark.slow
@pytest.mark.usefixtures("op_by_op")
def test_a_run_that_was_stopped_ends_where_an_unbroken_one_does(drawn, tmp_path):
    bindings = (*drawn, "Training.micro_batch_size = 8", "Training.average_decay = 0.9")
    whole = one_device(make_plan("mbn", *bindings))
    for _ in whole.steps():
        pass
    for stop in (3, None):
        trainer = one_device(make_plan("mbn", *bindings, "Training.steps_per_call = 1"))
        steps = trainer.steps

        def interrupted(stops, steps=steps, stop=stop):
            for metrics in steps(stops):
                if metrics["step"] == stop:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield metrics

        trainer.steps = interrupted
        if stop:
            with pytest.raises(Interrupted):
                Session(trainer).run(claimed(tmp_path / "run"))
        else:
            Session(trainer).run(claimed(tmp_path / "run"))
    assert trainer.step == whole.step == 5
    for found, expected in zip(trainer.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(np.array(found), np.array(expected))


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("trainer_of", "bindings"),
    [
        pytest.param(mirrored, (), marks=pytest.mark.slow),
        (one_device, ("Training.micro_batch_size = 4",)),
    ],
)
def test_replicas_and_micro_batches_change_nothing(drawn, trainer_of, bindings):
    """Two steps with group norm, in which every image is alone."""
    whole = one_device(make_plan("gn", *drawn))
    divided = trainer_of(make_plan("gn", *drawn, *bindings))
    start = values(whole)
    expected = do_steps(whole, 2)
    if trainer_of is mirrored:
        batches = iter(divided.batches(start=0))
        divided.do(batches, 2)
    else:
        found = do_steps(divided, 2)
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    for path, value in values(whole).items():
        np.testing.assert_allclose(values(divided)[path], value, atol=2e-5)
    assert any(np.any(start[path] != value) for path, value in values(whole).items())


def test_a_dump_keeps_targets_weights_and_titles(drawn, tmp_path):
    trainer = one_device(make_plan("clean", *drawn))
    claimed(tmp_path / "run")
    fault = Fault(2, ("the loss",), {3: "some"}, 16, {"loss": float("nan")})
    dump = dump_of(trainer, fault, tmp_path / "run")
    assert set(dump.batch) == {"image", "label", "index", "target", "weight"}
    assert dump.batch["target"].shape == (16, CLASSES) and dump.batch["index"][0] == 16
    titles = dump.record["titles_by_place"]
    assert titles == trainer.plan.feed.titles_of_step(1) and " mixed with " in titles[3]
    assert dump.record["examples"] == {"train": 40, "test": 20, "extra": 20}
