"""Every kind of source in networks of every kind: alike, with a new head, in other branches."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from shared.project import ROOT
from shared.smoke_trainers import make_plan, one_device
from shared.weight_files import IMAGES, WRITERS, randomized, resnet

from tfadv.errors import UserError
from tfadv.interop import initial_weights
from tfadv.interop.bundle_format import METADATA
from tfadv.interop.keras_form import keras_form
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

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
    with pytest.raises(UserError, match="this network|this model|has no stage2_block1/") as error:
        initial_weights.load(target, str(path))
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    for variable, value in zip(target.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("source", "target", "branch", "said"),
    [
        (BatchNorm, MixtureBatchNorm, None, "'every' or 'clean' or 'adv'$"),
        (BatchNorm, MixtureBatchNorm, "advv", r"not 'advv'\. Did you mean 'adv'"),
        (MixtureBatchNorm, BatchNorm, None, "initial_norm_branch = 'adv' or 'clean'$"),
        (MixtureBatchNorm, BatchNorm, "every", "not 'every'"),
        (BatchNorm, BatchNorm, "adv", "is for other norms: those of .* have this"),
        (
            BatchNorm,
            GroupNorm,
            None,
            "norm/moving_mean, .* lacks: bind Experiment.norm = 'batch",
        ),
        (
            MixtureBatchNorm,
            lambda **how: MixtureBatchNorm(("clean", "adv", "weak"), **how),
            None,
            "branches adv, clean, and this network clean, adv, weak",
        ),
    ],
)
def test_other_norms_are_refused_with_the_choices(sources, source, target, branch, said):
    path = sources[source, "run"][1]
    with pytest.raises(UserError, match=said):
        initial_weights.load(resnet(target), str(path), norm_branch=branch)


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
