"""A folder for the hub, loaded by Keras as it loads a repository, where there is no tfadv."""

import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from shared.evaluation_records import full_record
from shared.random_bundles import random_run

from tfadv.errors import UserError
from tfadv.interop.bundle_format import bundle_in, is_bundle, read_metadata
from tfadv.interop.external_models import load
from tfadv.interop.hub_folder import check_repo, write_hub_folder
from tfadv.norms import NormMode

# In place of the download there is the folder; all after it is Keras' own.
STRANGER = """
import sys
import types
sys.modules["tfadv"] = sys.modules["gin"] = None
folder, out = sys.argv[1:]

def snapshot_download(repo_id, **_):
    assert repo_id == "me/robust-digits"
    return folder

sys.modules["huggingface_hub"] = types.SimpleNamespace(snapshot_download=snapshot_download)
import keras
import numpy as np
images = np.load(f"{folder}/bundle/reference.npz")["images"]
found = {}
for name, path in (("folder", folder), ("hub", "hf://me/robust-digits")):
    model = keras.saving.load_model(path)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    found[name] = model.predict(images, verbose=0)
np.savez(out, **found)
"""
# Before the code of a card, which downloads.
DOWNLOADED = """
import sys
import types
sys.modules["huggingface_hub"] = types.SimpleNamespace(snapshot_download=lambda repo_id: ".")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return random_run(tmp_path_factory.mktemp("runs") / "my: run")


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "hub"
    notes = write_hub_folder(
        run,
        folder,
        ["adv", "clean"],
        (0.0, 1.0),
        "Our: own",
        evaluations=[full_record()],
        repo="me/robust-digits",
    )
    assert notes == []
    return folder


def python(code, *arguments, cwd):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_keras_loads_it_as_a_folder_and_as_a_repository(run, folder, tmp_path):
    """Keras' own loader of hf://, in a process that can't import tfadv."""
    python(STRANGER, folder, tmp_path / "found.npz", cwd=tmp_path)
    images = np.load(folder / "bundle/reference.npz")["images"]
    expected = run.model(images * np.float32(255), mode=NormMode("adv")).numpy()
    for logits in np.load(tmp_path / "found.npz").values():
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())


def test_it_holds_what_keras_needs_a_card_and_a_whole_bundle(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "config.json", "metadata.json", "model.weights.h5", "bundle"}
    assert not is_bundle(folder) and bundle_in(folder) == folder / "bundle"
    model = load(bundle_in(folder), (8, 8, 3), 10)  # which compares files and reference
    assert model.branches == ("adv", "clean")
    assert read_metadata(folder / "bundle")["evaluations"] == [full_record()]
    with pytest.raises(UserError, match=r"is no bundle of tfadv.export: it holds one, '.*/bundle'"):
        read_metadata(folder)
    assert bundle_in(folder / "bundle") == folder / "bundle"


def test_the_hubs_own_library_reads_the_card(folder):
    hub = pytest.importorskip("huggingface_hub", reason="no huggingface_hub here: make test-suites")
    card = hub.ModelCard.load(folder / "README.md")
    found = card.data.to_dict()
    assert found["library_name"] == "keras" and found["pipeline_tag"] == "image-classification"
    assert (found["license"], found["license_name"]) == ("other", "Our: own")
    assert found["metrics"] == ["accuracy"] and card.data.model_name == "robust-digits"
    results = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert results["branch adv, PGD-100 targeted ε=16, 500 images"] == 0.65
    assert {result.task_type for result in card.data.eval_results} == {"image-classification"}
    again = hub.ModelCardData(
        model_name=card.data.model_name, eval_results=card.data.eval_results, **_others(found)
    )
    assert again.to_dict() == found  # as the library itself would have written it


def _others(found):
    return {key: value for key, value in found.items() if key != "model-index"}


def test_a_bundles_card_has_no_header(folder):
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name: keras\n")
    assert (folder / "bundle/model_card.md").read_text().startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("ball", ["linf", "l2"])
def test_the_code_of_both_cards_attacks_the_model(tmp_path, ball):
    """It prints the accuracy that a step of the original's own gradient leaves."""
    ours = random_run(tmp_path / "run", f"PGD.ball = '{ball}'", "PGD.epsilon = 40.0")
    write_hub_folder(ours, tmp_path / "hub", ["adv", "clean"], (0.0, 1.0), "mit")
    reference = np.load(tmp_path / "hub/bundle/reference.npz")
    gradient, images = reference["gradient_adv"], reference["images"]
    length = np.sqrt(np.sum(gradient**2, (1, 2, 3), keepdims=True))
    step = np.sign(gradient) if ball == "linf" else gradient / length
    moved = np.clip(images + np.float32(40 / 255) * step, 0, 1)
    logits = ours.model(tf.constant(moved * 255, tf.float32), mode=NormMode("adv"))
    expected = np.mean(np.argmax(logits, 1) == reference["labels"])
    for card in ("README.md", "bundle/model_card.md"):
        path = tmp_path / "hub" / card
        (code,) = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
        printed = python(DOWNLOADED + code, cwd=path.parent)
        assert float(printed) == pytest.approx(expected, abs=1.5 / len(images)), card


def test_a_norm_that_keras_lacks_has_no_folder(tmp_path):
    files = ["gin/plugins/filter_response_norm.gin", "gin/scale/digits.gin"]
    run = random_run(tmp_path / "run", files=files)
    with pytest.raises(UserError, match="--to=hub_folder: Keras has no layer like .*--to=bundle"):
        write_hub_folder(run, tmp_path / "hub", ["main"], (0.0, 1.0), "mit")
    assert not (tmp_path / "hub").exists()


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: choose another"):
        write_hub_folder(run, tmp_path, ["adv"], (0.0, 1.0), "mit")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("repo", ["me", "me/", "a/b/c", "me/a b", "hf://me/x", "", "-me/x"])
def test_a_repository_is_a_user_and_a_model(repo):
    with pytest.raises(UserError, match="--repo must be USER/MODEL, got "):
        check_repo(repo)


def test_names_of_repositories_are_taken():
    check_repo(None)
    check_repo("me-2/robust.digits_v1")
