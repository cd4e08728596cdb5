"""Estimated memory: of parts by hand, and of a process that trains."""

import numpy as np
import pytest
from shared.smoke_trainers import make_plan, one_device

from benchmarks.training_memory import NETWORKS, row
from tfadv.planning.memory import Memory, bytes_of, estimate_memory
from tfadv.planning.run_workload import measure_run


def estimated(*bindings):
    trainer = one_device(make_plan("adv_100_clean_0", *bindings))
    step, model = trainer.train_step, trainer.model
    workload = measure_run(trainer.plan, model, step.images_at_once)
    parts = trainer.variables, step.images_at_once, step.micro_batches
    return trainer, estimate_memory(trainer.plan, model, *parts, workload)


def test_weights_are_kept_twice_and_have_gradients():
    trainer, memory = estimated()
    weights = 4 * sum(int(np.prod(v.shape)) for v in trainer.model.trainable_variables)
    assert bytes_of(trainer.model.trainable_variables) == weights
    assert memory.kept == bytes_of(trainer.variables) > 2 * weights  # momenta, statistics
    assert memory.update == memory.kept + 3 * weights
    assert memory.program > 2**28  # TensorFlow
    _, portions = estimated("Training.micro_batch_size = 4")
    assert portions.update == memory.update + weights  # sums of gradients
    assert portions.activations < memory.activations / 2


def test_a_process_has_its_replicas_and_the_program():
    memory = Memory(kept=1, update=2, activations=3, program=10)
    assert (memory.device, memory.process(2)) == (6, 22)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["small ResNet, 32 px", "WRN-16-4, 32 px", "ConvNeXt, 32 px"])
def test_a_process_takes_what_was_estimated(network):
    """Within 15%."""
    found = row(network, "adv_100_clean_0", NETWORKS[network], "nothing")
    assert found["estimate"] == pytest.approx(found["peak"], rel=0.15)
