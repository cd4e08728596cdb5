"""Steps as a trainer traces them, where blocks that are alike share a trace."""

import numpy as np
import pytest
from shared.smoke_trainers import make_plan, mirrored, one_device, randomized

from tfadv.models.alike import Traces
from tfadv.training.training_step import TrainingStep

DEEP = "ResNet.blocks = (1, 5)"  # four blocks alike


def weights_after(make_trainer, plan):
    trainer = randomized(make_trainer(plan))
    for _ in trainer.steps():
        pass
    return {variable.path: variable.numpy() for variable in trainer.variables}


@pytest.fixture
def nothing_shared(monkeypatch):
    """Has every block of a later trainer be called as it is."""

    def use():
        monkeypatch.setattr(TrainingStep, "traces", lambda self, phase: Traces(()))

    return use


@pytest.mark.parametrize(
    "make_trainer", [pytest.param(one_device, marks=pytest.mark.slow), mirrored]
)
@pytest.mark.parametrize(
    ("recipe", "bindings"),
    [
        ("mbn_alp", ()),
        pytest.param("mbn_alp_frozen", ("Training.epochs = 2",), marks=pytest.mark.slow),
        pytest.param("gn", ("Training.micro_batch_size = 4",), marks=pytest.mark.slow),
        pytest.param("mbn", ("NormPolicy.across_replicas = 'sync'",), marks=pytest.mark.slow),
        pytest.param(
            "mbn",
            ("NormPolicy.attack_statistics = 'batch'", "NormPolicy.attack_update = True"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_blocks_by_one_trace_are_trained_as_each_by_its_own(
    make_trainer, recipe, bindings, nothing_shared
):
    plan = make_plan(recipe, DEEP, *bindings)
    shared = weights_after(make_trainer, plan)
    nothing_shared()
    alone = weights_after(make_trainer, plan)
    assert shared.keys() == alone.keys()
    for path, value in shared.items():
        np.testing.assert_allclose(value, alone[path], rtol=2e-4, atol=2e-5, err_msg=path)


def test_four_blocks_share_a_trace():
    trainer = one_device(make_plan("mbn", DEEP))
    traces = trainer.train_step.traces(trainer.train_step.phase(0))
    assert [traces.has(block) for block in trainer.model.blocks] == [False] * 2 + [True] * 4
