"""A run that stops being finite, replayed and gone on from, as its users do it."""

import json

import pytest
from shared.commands import last_error, run_command

PLUGIN = '''
import tensorflow as tf
from tfadv.registry import STRATEGIES
from tfadv.strategies.standard import Standard

@STRATEGIES.register("fragile")
class Fragile(Standard):
    """Has no finite loss once the weights have moved far."""

    def loss(self, logits, labels):
        loss = super().loss(logits, labels)
        return loss + tf.where(tf.reduce_max(tf.abs(logits["clean"])) > 2.0, float("nan"), 0.0)
'''
BINDINGS = (
    "Experiment.strategy = 'fragile'",
    "Experiment.deterministic = True",
    "LearningRate.rate_per_256 = 50.0",
    "synthetic.train_examples = 32",
)


@pytest.mark.slow
def test_a_run_that_is_not_finite_is_replayed_and_goes_on_at_another_rate(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/fragile.py").write_text(PLUGIN)
    words = ["--gin_file=gin/clean.gin", "--gin_file=gin/scale/smoke.gin"]
    plugin = [f"--plugin_dir={tmp_path}/plugins", "--plugin=plugins.fragile"]
    run = tmp_path / "run"
    done = run_command("train", *words, *plugin, bindings=BINDINGS, model_dir=run)
    assert done.returncode == 2 and "the loss holds numbers" in last_error(done)
    (step,) = (run / "non_finite").iterdir()
    again = run_command("train", *plugin[:1], replay=step)
    assert again.returncode == 1, again.stderr
    assert "first: the loss" in again.stdout
    assert again.stdout.splitlines()[-1] == "the run's step, bit for bit"
    calm = run_command(
        "train", *words, *plugin, bindings=BINDINGS, model_dir=run, learning_rate_factor=1e-6
    )
    assert calm.returncode == 0, calm.stderr
    results = json.loads((run / "results.json").read_text())
    (factor,) = results["model"]["learning_rate_factors"]
    assert factor["factor"] == 1e-6 and factor["from_step"] == 0
    late = run_command(
        "train", *words, *plugin, bindings=BINDINGS, model_dir=run, learning_rate_factor=0.5
    )
    assert "--learning_rate_factor needs a run that still trains" in last_error(late)
    fresh = run_command(
        "train", *words, *plugin, bindings=BINDINGS, model_dir=run / "x", learning_rate_factor=0.5
    )
    assert "--learning_rate_factor is for a run that has begun" in last_error(fresh)
