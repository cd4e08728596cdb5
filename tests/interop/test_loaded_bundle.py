"""What a loaded bundle refuses before any attack; commands/test_adapters.py has the suites."""

import numpy as np
import pytest
from shared.random_bundles import as_before, bundle_of, random_run

from tfadv.errors import UserError
from tfadv.interop.loaded_bundle import LoadedBundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle whose record says 90%; the random model gets about 10%."""
    path = tmp_path_factory.mktemp("loaded")
    bundle_of(random_run(path), path / "bundle")
    return path / "bundle"


@pytest.fixture(scope="module")
def loaded(folder):
    return LoadedBundle(folder)


def claim(folder, accuracy):
    record = {"clean": {branch: {"accuracy": accuracy} for branch in ("adv", "clean")}}
    as_before(folder, accuracy=record)


def test_the_default_branch_is_adv_and_others_are_named(folder, loaded):
    assert loaded.branch == "adv"
    clean = LoadedBundle(folder, "clean")
    x = loaded.reference_images
    np.testing.assert_allclose(clean(x), clean.reference_logits, atol=1e-4)
    np.testing.assert_allclose(loaded(x), loaded.reference_logits, atol=1e-4)
    assert np.abs(clean(x) - loaded(x)).max() > 1e-2
    with pytest.raises(UserError, match="no branch 'claen'.*Did you mean 'clean'?"):
        LoadedBundle(folder, "claen")
    with pytest.raises(UserError, match="is no bundle"):
        LoadedBundle(folder.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x * 255, y), r"images are in 0\.\.255, and the bundle takes 0\.\.1"),
        (lambda x, y: (x / 255, y), "rescale them"),
        (lambda x, y: (x * 2 - 1, y), r"images are in -1\.\.1"),
        (lambda x, y: (np.transpose(x, (0, 3, 1, 2)), y), "channels first; use np.transpose"),
        (lambda x, y: (x[:, :4], y), r"takes \[N, 8, 8, 3\]"),
        (lambda x, y: (x, np.eye(10)[y]), "one class number for each image"),
        (lambda x, y: (x, y + 1), r"labels are in 1\.\.10, and the bundle has 10 classes, 0\.\.9"),
        (lambda x, y: (x, y[:-1]), "one class number for each image"),
    ],
)
def test_wrong_examples_are_refused(loaded, change, message):
    images, labels = loaded.reference_images, loaded.reference_labels.astype(np.int64)
    labels[0] = 9
    loaded.check_examples(images, labels)
    with pytest.raises(UserError, match=message):
        loaded.check_examples(*change(images, labels))


def test_an_accuracy_far_below_the_record_is_refused(folder):
    claim(folder, 0.9)
    loaded = LoadedBundle(folder)
    images = loaded.reference_images
    right = np.argmax(loaded(images), 1)
    loaded.check_examples(images, right)
    with pytest.raises(UserError, match="0.0% of the 32 images rightly, and 90.0%"):
        loaded.check_examples(images, (right + 1) % 10)


def test_wrong_logits_and_gradients_of_a_suite_are_refused(loaded):
    logits, gradient = loaded.reference_logits, loaded.reference_gradient
    loaded.check_suite("A suite", logits, gradient / 32)  # a mean is as good as a sum
    with pytest.raises(UserError, match="A suite gets other logits"):
        loaded.check_suite("A suite", logits * 1.01, gradient)
    with pytest.raises(UserError, match="cosine is -1.0000"):
        loaded.check_suite("A suite", logits, -gradient)
    vanished = np.zeros_like(gradient)
    with pytest.raises(UserError, match="cosine is 0.0000"):
        loaded.check_suite("A suite", logits, vanished)


def test_gradients_that_both_vanish_are_alike(loaded, monkeypatch):
    vanished = np.zeros_like(loaded.reference_gradient)
    monkeypatch.setattr(loaded, "reference_gradient", vanished)
    loaded.check_suite("A suite", loaded.reference_logits, vanished)
