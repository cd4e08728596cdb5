"""Every kind of source in networks of every kind: alike, with a new head, in other branches."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file
from shared.keras_models import kinds_of_layers, network_of
from shared.project import ROOT
from shared.smoke_trainers import make_plan, one_device
from shared.tiny_networks import randomize

from tfadv.errors import UserError
from tfadv.files import write_record
from tfadv.interop import initial_weights
from tfadv.interop.bundle_format import METADATA
from tfadv.interop.keras_form import keras_form
from tfadv.interop.released_weights import released_name
from tfadv.interop.saved_model import Endpoints
from tfadv.interop.torch_weights import torch_names
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.vit import ViT
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode
from tfadv.runs.checkpoints import Checkpoints

IMAGES = np.random.default_rng(1).uniform(0, 255, (3, 16, 16, 3)).astype("float32")


def resnet(norm, classes=5, padding="symmetric", blocks=(1, 2)):
    return ResNet(blocks, (16, 16, 3), classes, norm, width=4, padding=padding)


def randomized(model):
    randomize(model)
    return model


def as_run(model, folder):
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    Checkpoints(folder / "run" / "checkpoints", model, optimizer).save()
    return folder / "run"


def as_bundle(model, folder):
    path = folder / "bundle"
    branches = [model.default_branch]  # the others' weights are in it all the same
    Endpoints(model, branches, (0.0, 1.0)).save(path)
    shape = {"input_shape": [16, 16, 3], "pixel_range": [0, 1], "layout": "NHWC", "classes": 5}
    endpoints = {"branch": branches[0], "endpoints": dict.fromkeys(branches, "serve")}
    write_record(path / METADATA, {**shape, **endpoints, "training": {}})
    return path


def as_keras(model, folder):
    keras_form(model, pixel_range=(0.0, 1.0)).save(folder / "w.keras")
    return folder / "w.keras"


def as_weights_of_the_form(model, folder):
    keras_form(model).save_weights(folder / "form.weights.h5")
    return folder / "form.weights.h5"


def as_weights_of_the_network(model, folder):
    model.save_weights(folder / "own.weights.h5")
    return folder / "own.weights.h5"


def as_safetensors(model, folder):
    names = torch_names(model.name, [variable.path for variable in model.variables])
    tensors = {}
    for variable in model.variables:
        value = np.array(variable)
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim, (0,))
        tensors[names[variable.path]] = np.ascontiguousarray(value.transpose(axes))
    save_file(tensors, folder / "w.safetensors")
    return folder / "w.safetensors"


def as_npz(model, folder):
    arrays = {released_name(variable.path): np.array(variable) for variable in model.variables}
    arrays["conv0/W"] = arrays["conv0/W"][:, :, ::-1]
    np.savez(folder / "w.npz", **arrays)
    return folder / "w.npz"


WRITERS = {
    "run": as_run,
    "bundle": as_bundle,
    "keras": as_keras,
    "weights": as_weights_of_the_form,
    "own weights": as_weights_of_the_network,
    "safetensors": as_safetensors,
    "npz": as_npz,
}
# Of norms of one branch: what becomes of the network's branches.
INTO = [(BatchNorm, None), (MixtureBatchNorm, "every"), (MixtureBatchNorm, "adv")]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Returns the network with batch norm, or the mixture's, and where each kind is written."""
    found = {}
    for norm in (BatchNorm, MixtureBatchNorm):
        for kind, write in WRITERS.items():
            model = randomized(resnet(norm, padding="same" if kind == "npz" else "symmetric"))
            if norm is BatchNorm or kind in ("run", "bundle", "own weights"):
                found[norm, kind] = model, write(model, tmp_path_factory.mktemp("w"))
    return found


def check_same(source, target, theirs=None, ours=None):
    """Checks that a branch of a network gives the logits of a branch of the source."""
    expected = source(IMAGES, mode=NormMode(theirs))
    np.testing.assert_allclose(target(IMAGES, mode=NormMode(ours)), expected, atol=1e-4)


def give_head(source, target):
    """Gives a network with more classes the source's head, for its first logits."""
    for ours, theirs in zip(target.head.variables, source.head.variables, strict=True):
        more = [[0, 0]] * (len(ours.shape) - 1) + [[0, target.classes - source.classes]]
        ours.assign(np.pad(np.array(theirs), more))


@pytest.mark.parametrize(("norm", "branch"), INTO)
@pytest.mark.parametrize("kind", WRITERS)
def test_one_branch_starts_one_or_several(sources, kind, norm, branch):
    source, path = sources[BatchNorm, kind]
    target = resnet(norm, padding=source.padding)
    clean = np.array(target(IMAGES, mode=NormMode("clean" if branch else None)))
    if branch and kind == "own weights":
        with pytest.raises(UserError, match="which this network .*: it is of another architecture"):
            initial_weights.load(target, str(path), norm_branch=branch)
        return
    lines = initial_weights.load(target, str(path), norm_branch=branch)
    check_same(source, target, ours="adv" if branch else None)
    kept = "this network's norm branch clean keeps its start" in " ".join(lines)
    assert kept == (branch == "adv")
    if branch == "every":
        check_same(source, target, ours="clean")
    elif branch:
        untouched = [v for v in target.variables if "/clean/gamma" in v.path]
        assert all(np.isin(v, (0, 1)).all() for v in untouched)  # as it was made
        assert np.abs(target(IMAGES, mode=NormMode("clean")) - clean).max() > 1e-3


@pytest.mark.parametrize("kind", ["run", "bundle", "own weights"])
def test_several_branches_start_the_same_or_one(sources, kind):
    source, path = sources[MixtureBatchNorm, kind]
    target = resnet(MixtureBatchNorm)
    assert initial_weights.load(target, str(path)) == ()
    for branch in ("clean", "adv"):
        check_same(source, target, branch, branch)
    if kind == "own weights":
        return
    for branch, other in (("clean", "adv"), ("adv", "clean")):
        target = resnet(BatchNorm)
        (line,) = initial_weights.load(target, str(path), norm_branch=branch)
        assert line.endswith(f": its norm branch {other}")
        check_same(source, target, branch)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_new_head_stays_as_it_is_made(sources, kind):
    source, path = sources[BatchNorm, kind]
    target = resnet(BatchNorm, 7, source.padding)
    start = [np.array(variable) for variable in target.head.variables]
    with pytest.raises(UserError, match="bind Experiment.new_head = True, which leaves the last"):
        initial_weights.load(target, str(path))
    lines = initial_weights.load(target, str(path), new_head=True)
    assert kind == "own weights" or "its head, " in lines[0]
    for variable, value in zip(target.head.variables, start, strict=True):
        np.testing.assert_array_equal(variable, value)
    give_head(source, target)
    expected = source(IMAGES)
    np.testing.assert_allclose(target(IMAGES)[:, :5], expected, atol=1e-4)


@pytest.mark.parametrize("kind", WRITERS)
def test_another_architecture_is_refused_in_a_line(sources, kind):
    source, path = sources[BatchNorm, kind]
    target = resnet(BatchNorm, padding=source.padding, blocks=(1, 1))
    before = [np.array(variable) for variable in target.variables]
    with pytest.raises(UserError, match="this network|this model") as error:
        initial_weights.load(target, str(path))
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    for variable, value in zip(target.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("source", "target", "branch", "said"),
    [
        (BatchNorm, MixtureBatchNorm, None, "'every' or 'clean' or 'adv'$"),
        (BatchNorm, MixtureBatchNorm, "advv", r"not 'advv'\. Did you mean 'adv'"),
        (MixtureBatchNorm, BatchNorm, None, "initial_norm_branch = 'clean' or 'adv'$"),
        (MixtureBatchNorm, BatchNorm, "every", "not 'every'"),
        (BatchNorm, BatchNorm, "adv", "is for other norms: those of .* have this"),
        (BatchNorm, GroupNorm, None, "has stem/norm/moving_mean, which this network lacks"),
        (
            MixtureBatchNorm,
            lambda **how: MixtureBatchNorm(("clean", "adv", "weak"), **how),
            None,
            "branches clean, adv, and this network clean, adv, weak",
        ),
    ],
)
def test_other_norms_are_refused_with_the_choices(sources, source, target, branch, said):
    path = sources[source, "run"][1]
    with pytest.raises(UserError, match=said):
        initial_weights.load(resnet(target), str(path), norm_branch=branch)


NETWORKS = {
    "wide_resnet": lambda: WideResNet((16, 16, 3), 5, MixtureBatchNorm, 10, 1),
    "convnext": lambda: ConvNeXt((16, 16, 3), 5, LayerNorm, blocks=(1, 1), width=8),
    "vit": lambda: ViT((16, 16, 3), 5, LayerNorm, blocks=1, width=8, heads=2, dropout=0.5),
    "keras": lambda: network_of(kinds_of_layers(), BatchNorm),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_made_of_keras_models_start_from_every_file(tmp_path, name):
    source = randomized(NETWORKS[name]())
    images = IMAGES[:, : source.image_shape[0], : source.image_shape[0]]
    expected = source(images)
    choice = "every" if name == "wide_resnet" else None
    for kind in ("run", "keras", "weights", "own weights"):
        target = NETWORKS[name]()
        one_branch = kind in ("keras", "weights")  # which is the default one
        path = WRITERS[kind](source, tmp_path)
        initial_weights.load(target, str(path), norm_branch=choice if one_branch else None)
        np.testing.assert_allclose(target(images), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["w.keras", "w.h5", "w.weights.h5"])
def test_a_model_of_other_layers_and_a_damaged_file_are_refused(tmp_path, name):
    path = tmp_path / name
    images = keras.Input((16, 16, 3))
    features = keras.layers.DepthwiseConv2D(3, name="mine")(images)
    features = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(features))
    model = keras.Model(images, features)
    (model.save_weights if name == "w.weights.h5" else model.save)(path)
    with pytest.raises(UserError, match="another architecture"):
        initial_weights.load(resnet(BatchNorm), str(path))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="can't be (loaded|read)"):
        initial_weights.load(resnet(BatchNorm), str(path))


def test_norms_with_another_epsilon_are_told(tmp_path):
    path = as_keras(randomized(resnet(lambda **how: BatchNorm(epsilon=1e-3, **how))), tmp_path)
    lines = initial_weights.load(resnet(BatchNorm), str(path))
    assert any("ε = 0.001, this network's 1e-05: see BatchNorm.epsilon" in line for line in lines)


def test_what_is_no_source_is_refused(tmp_path, sources):
    target = resnet(BatchNorm)
    keras_model = keras_form(target)
    keras_model.export(tmp_path / "theirs", verbose=False)
    with pytest.raises(UserError, match="SavedModel that tfadv.export has not written.*as .keras"):
        initial_weights.load(target, str(tmp_path / "theirs"))
    with pytest.raises(UserError, match="is neither the folder of a run with checkpoints, a bund"):
        initial_weights.load(target, str(tmp_path))
    with pytest.raises(UserError, match="kind = 'average' is of a run"):
        initial_weights.load(target, str(sources[BatchNorm, "keras"][1]), "average")


def test_a_bundle_without_names_starts_its_own_network(tmp_path):
    """As releases before wrote them: weights in the model's order alone."""
    shutil.unpack_archive(ROOT / "tests/fixtures/release_0_2.zip", tmp_path)
    bundle = tmp_path / "bundle"
    reference = np.load(bundle / "reference.npz")
    model = one_device(make_plan("mbn", "ResNet.blocks = (1,)")).model
    initial_weights.load(model, str(bundle))
    low, high = json.loads((bundle / METADATA).read_text())["pixel_range"]
    images = tf.constant((reference["images"] - low) / (high - low) * 255, tf.float32)
    for branch in ("clean", "adv"):
        found, expected = model(images, mode=NormMode(branch)), reference[f"logits_{branch}"]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    other = one_device(make_plan("clean", "ResNet.blocks = (1,)")).model
    with pytest.raises(UserError, match="exported before bundles had names .* export its run once"):
        initial_weights.load(other, str(bundle))
