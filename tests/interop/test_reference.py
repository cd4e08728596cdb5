"""A bundle that is not what was exported is refused as it is loaded, before any attack."""

import json
import shutil

import numpy as np
import pytest
from shared.random_bundles import as_before, bundle_of, random_run

from tfadv.errors import UserError
from tfadv.interop import external_models
from tfadv.interop.loaded_bundle import LoadedBundle


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns two bundles of two random models."""
    path = tmp_path_factory.mktemp("exported")
    for name, seed in (("one", 0), ("two", 1)):
        run = random_run(path)
        for variable in run.model.variables if seed else ():
            variable.assign(variable * 1.5)
        bundle_of(run, path / name)
    return path


@pytest.fixture
def bundle(exported, tmp_path):
    return shutil.copytree(exported / "one", tmp_path / "bundle")


def load(folder):
    return external_models.load(folder, (8, 8, 3), 10)


def test_a_whole_bundle_is_loaded_with_digests_and_without(bundle):
    (bundle / "model_card.md").write_text("mine")
    assert load(bundle).branches == ("adv", "clean")
    as_before(bundle)
    assert load(bundle).branches == ("adv", "clean") and LoadedBundle(bundle).branch == "adv"


CHANGES = {
    "swapped": (
        {"endpoints": {"adv": "serve_clean", "clean": "serve_adv"}},
        "branch 'adv' gives those of 'clean'",
    ),
    "no such endpoint": ({"endpoints": {"adv": "serve_x"}}, "no endpoint 'serve_x'"),
    "no endpoint": ({"endpoints": {"adv": "__class__"}}, "no endpoint '__class__'"),
    "wide": ({"pixel_range": [0.0, 255.0]}, r"reference images are in 0\.\.1"),
    "narrow": ({"pixel_range": [0.0, 0.5]}, r"reference images are in 0\.\.1"),
    "no range": ({"pixel_range": [0.0]}, "pixel_range is"),
    "words": ({"pixel_range": ["0", "1"]}, "pixel_range is"),
    "layout": ({"layout": "NCHW"}, "layout is 'NCHW'"),
    "shape": ({"input_shape": [3, 8, 8]}, r"takes images of \(3, 8, 8\)"),
    "branch": ({"branch": "x"}, "branch is 'x'"),
    "classes": ({"classes": "10"}, "has no 'classes'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_edited_metadata_is_refused(bundle, change):
    changes, message = CHANGES[change]
    path = bundle / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(UserError, match=r"metadata.json' is not as it was written.*: take another"):
        load(bundle)
    as_before(bundle, **changes)
    with pytest.raises(UserError, match=f"{message}.*: take another copy of the bundle, or"):
        load(bundle)


def test_other_weights_are_refused(bundle, exported):
    shutil.rmtree(bundle / "variables")
    shutil.copytree(exported / "two/variables", bundle / "variables")
    with pytest.raises(UserError, match="is not as it was written: variables/"):
        load(bundle)
    as_before(bundle)
    with pytest.raises(UserError, match="branch 'adv' gives others"):
        load(bundle)


@pytest.mark.parametrize(
    "name",
    ["saved_model.pb", "variables/variables.index", "reference.npz", "metadata.json"],
)
@pytest.mark.parametrize("old", [False, True])
def test_damaged_files_are_refused(bundle, name, old):
    if old:
        as_before(bundle)
    whole = (bundle / name).read_bytes()
    for content in (b"", whole[: len(whole) // 2], None):
        if content is None:
            (bundle / name).unlink()
        else:
            (bundle / name).write_bytes(content)
        for loaded in (load, LoadedBundle):
            if content is None and name == "metadata.json" and loaded is load:
                continue  # a SavedModel like any other
            with pytest.raises(UserError):
                loaded(bundle)


def test_a_bundle_without_its_manifest_is_refused(bundle):
    (bundle / "manifest.json").unlink()
    with pytest.raises(UserError, match="manifest.json' is missing: take another"):
        load(bundle)


def test_a_reference_of_another_model_is_refused(bundle):
    as_before(bundle)
    with np.load(bundle / "reference.npz") as reference:
        arrays = dict(reference)
    arrays["logits_clean"] = np.full_like(arrays["logits_clean"], np.nan)
    np.savez(bundle / "reference.npz", **arrays)
    with pytest.raises(UserError, match="branch 'clean' gives others"):
        load(bundle)
    del arrays["logits_clean"]
    np.savez(bundle / "reference.npz", **arrays)
    with pytest.raises(UserError, match="it has no logits_clean"):
        load(bundle)
