"""What is measured of a model's norms, against NumPy's moments of what reaches them."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import batches, make_plan, one_device, randomized
from shared.tiny_norms import features

from tfadv import config, randomness
from tfadv.devices.local import device_names
from tfadv.errors import UserError
from tfadv.norms import Norm, NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.planning.plan import build_plan
from tfadv.registry import NORMS
from tfadv.reproduction import norm_statistics
from tfadv.reproduction.norm_sample import default_block
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.trained_run import TrainedRun

SMALL = ("ResNet.blocks = (1,)", "PGD.steps = 1")
NAMES = ["stem", *(f"stage1_block1/{unit}" for unit in ("reduce", "spatial", "expand", "shortcut"))]
TINY_WIDE_RESNET = ("WideResNet.depth = 10", "WideResNet.widen_factor = 1")
ATTACK_WRITES = (
    "NormPolicy.attack_statistics = 'batch'",
    "NormPolicy.attack_update = True",
    "Training.epochs = 2",
)


def random_run(tmp_path, recipe, *bindings):
    """Returns a run of random weights and statistics: 32 images, 2 steps of batches of 16."""
    plan = make_plan(recipe, *SMALL, *bindings)
    model = randomized(one_device(plan)).model
    return TrainedRun(tmp_path, plan, model, "", None, None)


def attacked(run, batch, branch=None):
    """Returns a batch's adversarial images as training makes them."""
    seeds = randomness.example_seeds(run.plan.experiment.seed, "attack", batch["index"])
    view = run.model.logits_fn(NormMode(branch))
    return run.plan.attack(view, batch["image"], batch["label"], seeds)


def moments_by_norm(model, images, branch, monkeypatch):
    """Returns NumPy's moments of what reaches each norm when it normalizes by the batch."""
    found = {}
    inner = BatchNorm.transform

    def caught(self, x, mode):
        values = np.asarray(x, np.float64)
        name = re.sub("/norm.*|/(clean|adv)$", "", self.path)
        found[name] = values.mean((0, 1, 2)), values.var((0, 1, 2))
        return inner(self, x, mode)

    with monkeypatch.context() as patch:
        patch.setattr(BatchNorm, "transform", caught)
        model(images, mode=NormMode(branch, "batch"))
    return found


def require_batches(found, branch, number, expected, names=NAMES):
    assert [norm["name"] for norm in found["norms"]] == names
    for norm in found["norms"]:
        ours = norm["batches"][branch][number]
        for what, values in zip(("mean", "variance"), expected[norm["name"]], strict=True):
            np.testing.assert_allclose(ours[what], values, rtol=2e-3, atol=2e-4, err_msg=what)


def test_each_branch_is_read_and_measured_on_its_own_images(tmp_path, monkeypatch):
    run = random_run(tmp_path, "mbn")
    found = norm_statistics.record(run)
    assert found["kinds"] == {"clean": "clean", "adv": "adv"}
    assert (found["branches"], found["batch_images"]) == (["clean", "adv"], 16)
    following = batches(run.plan, 4)[2:]  # the run has two steps
    for number, batch in enumerate(following):
        clean, adv = batch["image"], attacked(run, batch, "adv")
        assert np.abs(adv - clean).max() > 1
        for branch, images in (("clean", clean), ("adv", adv)):
            expected = moments_by_norm(run.model, images, branch, monkeypatch)
            require_batches(found, branch, number, expected)
    for norm, unit in zip(found["norms"], run.model.units, strict=True):
        for branch, inner in zip(("clean", "adv"), unit.norm.norms, strict=True):
            ours = norm["running"][branch]
            np.testing.assert_array_equal(np.float32(ours["mean"]), inner.moving_mean)
            np.testing.assert_array_equal(np.float32(ours["variance"]), inner.moving_variance)


def test_norms_of_other_networks_are_measured_by_their_layers_names(tmp_path, monkeypatch):
    run = random_run(tmp_path, "mbn", "Experiment.model = 'wide_resnet'", *TINY_WIDE_RESNET)
    found = norm_statistics.record(run)
    blocks = [f"stage{stage}_block1" for stage in (1, 2, 3)]
    names = [f"{block}_{place}_norm" for block in blocks for place in ("first", "second")]
    (batch,) = batches(run.plan, 3)[2:]
    expected = moments_by_norm(run.model, batch["image"], "clean", monkeypatch)
    require_batches(found, "clean", 0, expected, [*names, "head_norm"])
    assert [norm["block"] for norm in found["norms"]] == [*np.repeat(blocks, 2), "head_norm"]
    assert default_block(found["norms"]) == "stage3_block1"


@pytest.mark.parametrize(
    ("recipe", "kept"), [("adv_100_clean_100", 16), ("adv_100_clean_20", 3), ("adv_100_clean_0", 0)]
)
def test_one_batch_norm_is_measured_on_a_mixed_batch(tmp_path, monkeypatch, recipe, kept):
    run = random_run(tmp_path, recipe)
    found = norm_statistics.record(run)
    batch = batches(run.plan, 3)[2]
    mixed = tf.concat([batch["image"][:kept], attacked(run, batch)], 0)
    require_batches(found, "main", 0, moments_by_norm(run.model, mixed, None, monkeypatch))
    assert found["kinds"] == ({"clean": "main"} if kept else {}) | {"adv": "main"}
    assert found["branches"] == ["main"]


@pytest.mark.parametrize(
    ("bindings", "replicas", "images"),
    [
        ((), 2, 8),
        (("Training.micro_batch_size = 8",), 1, 8),
        (("NormPolicy.ghost_batch_size = 4",), 2, 4),
        (("NormPolicy.across_replicas = 'sync'",), 2, 16),
    ],
)
def test_a_mini_batch_is_what_shares_statistics_in_training(tmp_path, bindings, replicas, images):
    found = norm_statistics.record(random_run(tmp_path, "clean", *bindings), replicas)
    assert found["batch_images"] == images


def test_a_ghost_batch_has_its_share_of_each_kind(tmp_path, monkeypatch):
    run = random_run(tmp_path, "adv_100_clean_20", "NormPolicy.ghost_batch_size = 4")
    found = norm_statistics.record(run)
    batch = {key: value[:4] for key, value in batches(run.plan, 3)[2].items()}
    mixed = tf.concat([batch["image"][:1], attacked(run, batch)], 0)
    require_batches(found, "main", 0, moments_by_norm(run.model, mixed, None, monkeypatch))


@pytest.mark.parametrize("recipe", ["mbn_frozen", "adv_100_clean_100"])
def test_nothing_is_written_even_where_attacks_write_in_training(tmp_path, recipe):
    run = random_run(tmp_path, recipe, *ATTACK_WRITES)
    before = [np.array(variable) for variable in run.model.variables]
    found = norm_statistics.record(run)
    assert all(len(some) == 2 for norm in found["norms"] for some in norm["batches"].values())
    for variable, value in zip(run.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_an_untrained_branch_is_left_out(tmp_path):
    run = random_run(tmp_path, "mbn", "Adversarial.clean_ratio = 0.0")
    found = norm_statistics.record(run)
    assert found["branches"] == ["adv"]
    assert found["norms"][0]["running"].keys() == found["norms"][0]["batches"].keys() == {"adv"}


def test_group_norm_has_none(tmp_path):
    found = norm_statistics.record(random_run(tmp_path, "gn"))
    assert (found["norm"], found["norms"]) == ("group_norm", [])


def test_a_run_s_folder_is_measured_as_the_run(tmp_path):
    read = config.read(["gin/mbn.gin", "gin/scale/smoke.gin"], SMALL)
    trainer = randomized(one_device(build_plan(read)))
    directory = RunDirectory(tmp_path / "run")
    directory.claim(read, device_names(), 0)
    Checkpoints(directory.checkpoints_path, trainer.model, trainer.optimizer, None).save()
    found = norm_statistics.measure(directory.path)
    run = TrainedRun(tmp_path, trainer.plan, trainer.model, "", None, None)
    assert json.loads(json.dumps(found, allow_nan=False)) == norm_statistics.record(run)
    with pytest.raises(UserError, match="is no folder of a run"):
        norm_statistics.measure(tmp_path)


class Centred(Norm):
    """Subtracts each channel's mean, and watches its variance."""

    def build(self, input_shape):
        super().build(input_shape)
        self.level = self.add_weight((input_shape[-1],), "zeros", trainable=False, name="level")
        self.spread = self.add_weight((input_shape[-1],), "ones", trainable=False, name="spread")

    def transform(self, x, mode):
        level, spread = tf.nn.moments(x, [0, 1, 2])
        used = level if mode.statistics == "batch" else self.level
        return (x - used) * self.gamma + self.beta, (level, spread)

    def updates(self, statistics):
        return list(zip((self.level, self.spread), statistics, strict=True))


class Telling(Centred):
    """Tells its statistics."""

    def running_statistics(self, branch=None):
        return tf.convert_to_tensor(self.level), tf.convert_to_tensor(self.spread)

    def batch_statistics(self, collected, branch=None):
        return collected[self.path][0]


def test_a_plugin_may_tell_its_statistics(tmp_path, forget_plugins):
    NORMS.register("silent")(Centred)
    NORMS.register("telling")(Telling)
    silent = random_run(tmp_path, "clean", "Experiment.norm = 'silent'")
    assert norm_statistics.record(silent)["norms"] == []
    run = random_run(tmp_path, "clean", "Experiment.norm = 'telling'")
    stem = norm_statistics.record(run)["norms"][0]
    maps = tf.nn.conv2d(
        batches(run.plan, 3)[2]["image"] / 127.5 - 1, run.model.stem.kernel, 1, "SAME"
    )
    moments = stem["batches"]["main"][0]
    np.testing.assert_allclose(moments["mean"], np.mean(maps, (0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(moments["variance"], np.var(maps, (0, 1, 2)), rtol=1e-4)
    np.testing.assert_array_equal(
        np.float32(stem["running"]["main"]["mean"]), run.model.stem.norm.level
    )


def test_several_measurements_of_one_norm_are_averaged():
    """Two forwards, as of two micro-batches: the mean of their moments."""
    x, y = features(0), features(1)
    for norm, branch in ((BatchNorm(), None), (MixtureBatchNorm(), "clean")):
        norm.build(x.shape)
        mode = NormMode(branch, "batch", update=True)
        (path, measured), (_, others) = (
            next(iter(norm(part, mode=mode, collect=True)[1].items())) for part in (x, y)
        )
        mean, variance = norm.batch_statistics({path: measured + others}, branch)
        np.testing.assert_allclose(mean, (np.mean(x, (0, 1, 2)) + np.mean(y, (0, 1, 2))) / 2, 1e-4)
        expected = (np.var(x, (0, 1, 2)) + np.var(y, (0, 1, 2))) / 2
        np.testing.assert_allclose(variance, expected, rtol=1e-4)
        assert norm.batch_statistics({}, branch) is None
    assert GroupNorm().running_statistics() is GroupNorm().batch_statistics({}) is None
