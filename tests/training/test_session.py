"""A session stops where a signal finds it, saved."""

import signal

import numpy as np
import pytest
from shared.smoke_trainers import claimed, make_plan, one_device, values

from tfadv.interruption import Interrupted
from tfadv.training.session import Session

# Two epochs; the norms of the second are frozen, so its step is traced anew.
FROZEN = ("Training.epochs = 2", "NormPolicy.freeze = 'statistics'", "Evaluation.attacks = ()")


@pytest.mark.parametrize(("traced", "step"), [(1, 0), (2, 2)])
def test_a_signal_while_a_step_is_traced(tmp_path, traced, step):
    whole = one_device(make_plan("clean", *FROZEN))
    Session(whole).run(claimed(tmp_path / "whole", "clean"))
    stopped, directory = (
        one_device(make_plan("clean", *FROZEN)),
        claimed(tmp_path / "stopped", "clean"),
    )
    phases = []
    do_step = stopped.train_step

    class Signalled:
        def __getattr__(self, name):
            return getattr(do_step, name)

        def __call__(self, batch, phase):
            if phase not in phases:
                phases.append(phase)
                if len(phases) == traced:
                    signal.raise_signal(signal.SIGTERM)
                    raise AssertionError("the signal was only noted")
            return do_step(batch, phase)

    stopped.train_step = Signalled()
    with pytest.raises(Interrupted, match=f"stopped by SIGTERM at step {step}, saved"):
        Session(stopped).run(directory)
    assert (directory.checkpoints_path / f"step-{step}" / "manifest.json").exists()
    resumed = one_device(make_plan("clean", *FROZEN))
    Session(resumed).run(directory)
    for name, value in values(whole).items():
        np.testing.assert_array_equal(values(resumed)[name], value)
