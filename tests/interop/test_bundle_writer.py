"""The bundle, loaded where there is no tfadv and no gin."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from shared.random_bundles import bundle_of, random_run

from tfadv.errors import UserError
from tfadv.norms import NormMode

# Runs without the package: what a red team has is TensorFlow, and Keras for the .keras files.
STRANGER = """
import sys
sys.modules["tfadv"] = sys.modules["gin"] = None
import keras
import numpy as np
import tensorflow as tf
folder, images, labels, out = sys.argv[1], *(np.load(path) for path in sys.argv[2:4]), sys.argv[4]
loaded = tf.saved_model.load(folder)
found = {}

def gradient(name, function):
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = function(x)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_sum(losses)
    found["logits " + name] = logits.numpy()
    found["gradient " + name] = tape.gradient(loss, x).numpy()

for name in ("serve", "serve_adv", "serve_clean"):
    gradient(name, getattr(loaded, name))
    by_batches = [getattr(loaded, name)(images[:count]).numpy() for count in (1, 7, 64)]
    for batch in by_batches:
        assert np.abs(batch - found["logits " + name][: len(batch)]).max() < 1e-4
    assert len(getattr(loaded, name).concrete_functions) == 1
    signature = loaded.signatures[name](images=tf.constant(images[:3]))["logits"]
    assert np.abs(signature - by_batches[1][:3]).max() < 1e-4
for name in ("adv", "clean", "adv_folded", "clean_folded"):
    model = keras.saving.load_model(f"{folder}/keras/{name}.keras", compile=False)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    gradient(name + ".keras", model)
np.savez(out, **found)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return random_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "bundle"
    metadata, notes = bundle_of(run, folder, fold=True)
    assert notes == []
    return folder, metadata


def test_strangers_get_the_same_logits_and_gradients(run, exported, tmp_path):
    """On 64 real digits: every endpoint, every Keras file, three batch sizes."""
    test = run.plan.splits.test
    pixels = np.stack([test.fetch(tf.constant(i, tf.int64))[0] for i in range(64)])
    labels = np.array(test.labels[:64], np.int32)
    np.save(tmp_path / "images.npy", pixels / np.float32(255))
    np.save(tmp_path / "labels.npy", labels)
    arguments = [exported[0], tmp_path / "images.npy", tmp_path / "labels.npy", tmp_path / "o.npz"]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "o.npz")
    for name, branch in (
        ("serve", "adv"),
        ("serve_adv", "adv"),
        ("serve_clean", "clean"),
        ("adv.keras", "adv"),
        ("clean.keras", "clean"),
        ("adv_folded.keras", "adv"),
        ("clean_folded.keras", "clean"),
    ):
        logits, gradient = original(run.model, branch, pixels, labels)
        scale = np.abs(logits).max()
        np.testing.assert_allclose(found[f"logits {name}"], logits, atol=1e-5 * scale, err_msg=name)
        one, other = found[f"gradient {name}"].reshape(64, -1), gradient.reshape(64, -1)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        assert np.min(np.sum(one * other, 1) / lengths) > 0.9999, name
        # Per unit of 0..1, and so 255 times as steep.
        np.testing.assert_allclose(np.linalg.norm(one) / np.linalg.norm(other), 255, rtol=1e-3)


def original(model, branch, pixels, labels):
    """What the model itself says, unfolded and with Keras' own autodiff."""
    x = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x, mode=NormMode(branch))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_sum(losses)
    return logits.numpy(), tape.gradient(loss, x).numpy()


def test_the_reference_is_what_the_original_says(run, exported):
    reference = np.load(exported[0] / "reference.npz")
    pixels, labels = reference["images"] * np.float32(255), reference["labels"]
    for branch in ("adv", "clean"):
        logits, gradient = original(run.model, branch, pixels, labels)
        for name, expected in (("logits", logits), ("gradient", gradient * 255)):
            tolerance = 1e-4 * np.abs(expected).max()
            np.testing.assert_allclose(reference[f"{name}_{branch}"], expected, atol=tolerance)


def test_the_card_shows_names_as_they_are(run, tmp_path):
    odd = "<script>x</script> | `a` *b*"
    named = dataclasses.replace(run, path=tmp_path / "<b>|run")
    bundle_of(named, tmp_path / "bundle", license_name=odd)
    card = (tmp_path / "bundle" / "model_card.md").read_text()
    assert "<script" not in card and "<b>" not in card
    assert r"&lt;script&gt;x&lt;/script&gt; \| \`a\` \*b\*" in card and r"&lt;b&gt;\|run" in card


def test_metadata_says_what_a_red_team_needs(exported):
    _, metadata = exported
    assert metadata["input_shape"] == [8, 8, 3] and metadata["layout"] == "NHWC"
    assert metadata["pixel_range"] == [0.0, 1.0]
    assert metadata["classes"] == 10 and len(metadata["class_names"]) == 10
    assert metadata["branch"] == "adv" and metadata["branches"] == ["adv", "clean"]
    assert metadata["endpoints"] == {"adv": "serve_adv", "clean": "serve_clean"}
    assert metadata["epsilon"] == pytest.approx(64 / 255) and metadata["epsilon_of_255"] == 64
    assert metadata["license"] == "CC0" and metadata["training"]["commit"] == "1234abc"
    assert (exported[0] / metadata["training"]["config"]).is_file()
    card = (exported[0] / "model_card.md").read_text()
    assert "[N, 8, 8, 3]" in card and "CC0" in card and "has not measured this checkpoint" in card


def test_images_of_0_to_255_by_choice(run, tmp_path):
    metadata, _ = bundle_of(run, tmp_path / "bundle", pixel_range=(0.0, 255.0))
    loaded = tf.saved_model.load(str(tmp_path / "bundle"))
    images = tf.constant(np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)), tf.float32)
    expected = run.model(images, mode=NormMode("adv"))
    np.testing.assert_allclose(loaded.serve(images), expected, atol=1e-4, rtol=1e-4)
    assert metadata["pixel_range"] == [0.0, 255.0] and metadata["epsilon"] == 64.0


def test_one_branch_has_one_endpoint(tmp_path):
    """Group norm: no branches, nothing folds, and Keras has a layer like it."""
    run = random_run(tmp_path, files=["gin/gn.gin", "gin/scale/digits.gin"])
    metadata, notes = bundle_of(run, tmp_path / "bundle", fold=True)
    assert metadata["endpoints"] == {"main": "serve"} and notes == []
    loaded = tf.saved_model.load(str(tmp_path / "bundle"))
    assert not hasattr(loaded, "serve_main")
    images = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    expected = run.model(images * 255)
    np.testing.assert_allclose(loaded.serve(images), expected, atol=1e-3, rtol=1e-4)


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: choose another"):
        bundle_of(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failed_export_leaves_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tfadv.interop.bundle_writer._reference", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bundle_of(run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_weights_are_not_finite_is_not_exported(tmp_path):
    run = random_run(tmp_path)
    run.model.head.bias.assign_add(tf.fill(run.model.head.bias.shape, float("nan")))
    with pytest.raises(UserError, match="not finite"):
        bundle_of(run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
