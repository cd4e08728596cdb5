"""A real collapse of one-step training on CIFAR-10: announced at once, with the best from before.

Andriushchenko & Flammarion (2020): without a random start and with a large ε, the network soon
reads the label off the one step. Here that takes two epochs, on maps of the images' own size.
"""

import pytest
from shared.commands import run_command

from tfadv.runs.chosen_step import best_of
from tfadv.runs.run_directory import RunDirectory

FILES = [
    "gin/adv_100_clean_0.gin",
    "gin/scale/cifar10_validated.gin",
    "gin/threat/untargeted.gin",
]
SPLITS = {"train": "train_10k.npz", "test": "test_2k.npz"}
ONE_STEP = (
    "Experiment.seed = 2",
    "PGD.steps = 1",
    "PGD.epsilon = 12.0",
    "PGD.step_size = 12.0",
    "PGD.clean_start_probability = 1.0",
    "NormPolicy.attack_statistics = 'batch'",
    "Adversarial.label_smoothing = 0.0",
)
TRAINING = (
    "Training.dtype = 'float32'",  # with bfloat16's gradients it does not collapse so soon
    "Training.attack_dtype = 'float32'",
    "ResNet.width = 16",
    "ResNet.stem = 'small'",
    "CropAndFlip.padding = 0",
    "CropAndFlip.flip = False",
    "Training.epochs = 4",
    "Training.batch_size = 64",
    "Training.weight_decay = 5e-4",
    "LearningRate.rate_per_256 = 0.8",
    "StepDecay.boundaries = ()",
    "Validation.images = 500",
    "Evaluation.attacks = ()",
)


@pytest.mark.slow
def test_a_collapse_is_announced_by_the_first_validation_that_sees_it(tmp_path, data_dir):
    images = [f"npz.{split} = '{data_dir / 'cifar10' / name}'" for split, name in SPLITS.items()]
    bindings = [*ONE_STEP, *TRAINING, "Experiment.dataset = 'npz'", *images]
    files = [f"--gin_file={file}" for file in FILES]
    done = run_command("train", *files, bindings=bindings, model_dir=tmp_path / "run")
    assert done.returncode == 0, done.stderr
    directory = RunDirectory(tmp_path / "run")
    rows = [row for row in directory.metrics() if row.get("kind") == "validation"]
    robust = [row["branches"]["main"]["robust"] for row in rows]
    one_step = [row["training"]["adv_accuracy"] for row in rows]
    fell = [number for number in range(1, 4) if robust[number] < 0.02 and one_step[number] > 0.2]
    assert fell, "it did not collapse"
    first = fell[0]
    assert max(robust[:first]) > 0.04
    assert ["collapse" in row["alarms"] for row in rows[: first + 1]] == [*[False] * first, True]
    assert best_of(directory.checkpoints_path)["step"] < rows[first]["step"]
    assert "sudden collapse of branch 'main'" in done.stderr
    assert directory.results()["best"]["chosen_by"]["step"] < rows[first]["step"]
