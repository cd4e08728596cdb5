"""One whole update of a run against NumPy: AdamW, clipped, decayed by groups, by layers."""

import numpy as np
import pytest
from shared.smoke_trainers import (
    batches,
    do_steps,
    finish,
    make_plan,
    mirrored,
    one_device,
    values,
)

from tfadv.training.step.optimizer import rate_factors

ADAMW = (
    "Experiment.optimizer = 'AdamW'",
    "AdamW.weight_decay = 0.5",
    "AdamW.epsilon = 1e-3",
    "Training.weight_decay = 0.0",
    "Training.clip_norm = 0.2",
    "Training.weight_decay_of = ('kernels', 'norms')",
    "Training.layer_rate_decay = 0.5",
)


def gradients_of(trainer):
    """Returns the gradients of the first batch, by path, unclipped."""
    phase = trainer.train_step.phase(0)
    (batch,) = batches(trainer.plan, 1)
    found = trainer.train_step.without_update(batch, phase).weights
    paths = [variable.path for variable in trainer.train_step.trained(phase)]
    return dict(zip(paths, map(np.float64, found), strict=True))


def depth_factor(path):
    """By hand: of a stem, two blocks and a head."""
    place = ("stem", "stage1_block1", "stage2_block1", "head").index(path.partition("/")[0])
    return 0.5 ** (3 - place)


@pytest.mark.usefixtures("op_by_op")
def test_a_step_of_adamw_is_its_formula():
    trainer = one_device(make_plan("mbn", *ADAMW))
    start, gradients = values(trainer), gradients_of(trainer)
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    metrics = do_steps(trainer, 1)
    assert norm > 0.2 and metrics["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    rate = float(trainer.plan.learning_rate(0))
    for path, gradient in gradients.items():
        lr, clipped = rate * depth_factor(path), gradient * 0.2 / norm
        decays = path.rpartition("/")[2] in ("kernel", "gamma", "beta")
        # Keras' ε is of the uncorrected mean square (Kingma & Ba, 2015, end of section 2).
        mean, root = 0.1 * clipped, np.sqrt(0.001) * np.abs(clipped)
        moved = lr * np.sqrt(1 - 0.999) / (1 - 0.9) * mean / (root + 1e-3)
        expected = start[path] * (1 - lr * 0.5 * decays) - moved
        np.testing.assert_allclose(values(trainer)[path], expected, atol=2e-7)


@pytest.mark.usefixtures("op_by_op")
def test_the_penalty_is_of_the_groups_that_decay():
    bindings = ("Training.weight_decay_of = ('biases', 'norms')",)
    plain, decayed = (
        gradients_of(one_device(make_plan("clean", f"Training.weight_decay = {decay}", *bindings)))
        for decay in (0.0, 0.5)
    )
    start = values(one_device(make_plan("clean")))
    for path, gradient in plain.items():
        pull = 0 if path.endswith("kernel") else 0.5 * start[path]
        np.testing.assert_allclose(decayed[path], gradient + pull, atol=1e-6)


@pytest.mark.slow
def test_two_replicas_and_micro_batches_clip_as_one_device():
    bindings = (*ADAMW, "Training.epochs = 2", "NormPolicy.ghost_batch_size = 4")
    single = one_device(make_plan("adv_100_clean_60", *bindings))
    double = mirrored(make_plan("adv_100_clean_60", *bindings, "Training.micro_batch_size = 4"))
    singles, doubles = finish(single), finish(double)
    assert [m["gradient_norm"] for m in singles] == pytest.approx(
        [m["gradient_norm"] for m in doubles], rel=1e-4
    )
    assert singles[0]["gradient_norm"] > 0.2
    for name, value in values(single).items():
        np.testing.assert_allclose(values(double)[name], value, atol=2e-5, rtol=0)


def test_without_a_decay_by_layers_all_rates_are_one():
    trainer = one_device(make_plan("clean"))
    assert set(rate_factors(trainer.model, 1.0)) == {1.0}
    assert "gradient_norm" not in trainer.train_step.metric_names
