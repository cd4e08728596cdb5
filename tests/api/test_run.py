"""A run in Python's hands: its model as Keras', its folder opened again, its bundle."""

import keras
import numpy as np
import pytest

import tfadv


@pytest.mark.parametrize("branch", ["clean", "adv"])
def test_a_plain_keras_model_comes_out(run, branch, examples, tmp_path):
    images, _ = examples
    made = run.model.as_keras(branch)
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
    expected = run.model(images, branch)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-5)
    in_unit = run.model.as_keras(branch, pixel_range=(0, 1))
    np.testing.assert_allclose(in_unit(images / 255), expected, atol=1e-5)
    lines = []
    loaded.summary(print_fn=lines.append)
    assert lines


def test_the_model_given_is_not_changed(run, keras_model):
    (norm,) = (one for one in keras_model.layers if "batch" in one.name)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(4))
    assert run.model.branches == ("clean", "adv")


def test_a_folder_is_opened_again(run, data, examples):
    again = tfadv.open_run(run.folder, tfadv.data.arrays(*data[0], *data[1]))
    images, _ = examples
    np.testing.assert_array_equal(again.model(images, "adv"), run.model(images, "adv"))
    with pytest.raises(tfadv.UserError, match="given in Python, where tfadv.open_run"):
        _ = tfadv.open_run(run.folder).model
    with pytest.raises(tfadv.UserError, match="folder: '.*' is no folder of a run"):
        tfadv.open_run(run.folder / "nothing")


def test_other_test_images_are_refused_unless_they_are_said(run, data):
    (x, y), (x_test, y_test) = data
    other = tfadv.data.arrays(x, y, x_test[::-1], y_test[::-1])
    opened = tfadv.open_run(run.folder, other)
    with pytest.raises(tfadv.UserError, match="made with other test images"):
        tfadv.evaluate(opened, attacks=[], quiet=True)
    assert tfadv.evaluate(opened, other, attacks=[], quiet=True).record["examples"] == 16


def test_a_bundle_is_written_and_loaded(run, examples, tmp_path):
    images, _ = examples
    folder = tfadv.export(run, tmp_path / "bundle", license_name="MIT")
    bundle = tfadv.load(folder)
    assert bundle.bounds == (0.0, 1.0)
    assert set(bundle.branches) == {"clean", "adv"}
    assert bundle.metadata["license"] == "MIT"
    for branch in bundle.branches:
        expected = run.model(images, branch)
        np.testing.assert_allclose(bundle(images / 255, branch), expected, atol=1e-5)
    with pytest.raises(tfadv.UserError, match="folder: .* is not empty"):
        tfadv.export(run, folder)
    with pytest.raises(tfadv.UserError, match="has no branch 'main'"):
        bundle(images / 255, "main")


def test_a_run_without_a_folder_goes_with_its_object(data):
    from api.conftest import fitted

    found = fitted("resnet", data)
    folder = found.folder
    assert folder.is_dir()
    del found
    assert not folder.exists()
