"""Models made elsewhere: what they take is stated, and checked before anything is attacked."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tfadv import config
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.interop import external_checks, external_models
from tfadv.interop.external_models import Stated
from tfadv.norms import NormMode
from tfadv.planning.evaluation_parts import evaluation_parts

UNIT = (0.0, 1.0)


@pytest.fixture(scope="module")
def parts():
    return evaluation_parts(config.read([config.PROTOCOL], ["digits.split_seed = 0"]))


@pytest.fixture(scope="module")
def regression(parts):
    """A logistic regression by scikit-learn on the sine of pixels of 0..1.

    A linear one would not mind another range: its classes are those of any multiple.
    """
    images, labels = load_digits(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(np.sin(2 * images / 16), labels)


def keras_model(regression, activation=None, channels_first=False):
    """The same classifier in Keras; it sees the mean of the three equal channels."""
    shape = (3, 8, 8) if channels_first else (8, 8, 3)
    images = keras.Input(shape)
    grey = keras.ops.sin(2 * keras.ops.mean(images, axis=1 if channels_first else 3))
    dense = keras.layers.Dense(10, activation)
    model = keras.Model(images, dense(keras.layers.Flatten()(grey)))
    dense.set_weights([regression.coef_.T, regression.intercept_])
    return model


@pytest.fixture(scope="module")
def file(regression, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    keras_model(regression).save(path)
    return path


def load(path, **stated):
    stated = Stated(**{"pixel_range": UNIT, "layout": "NHWC"} | stated)
    return external_models.load(path, (8, 8, 3), 10, stated)


def accuracy(model, source):
    pixels = np.stack([source.fetch(tf.constant(i, tf.int64))[0] for i in range(len(source))])
    logits = model.logits_fn(NormMode())(tf.constant(pixels))
    return np.mean(np.argmax(logits, 1) == source.labels), pixels


@pytest.mark.parametrize("kind", ["keras", "saved_model", "probabilities", "channels first"])
def test_every_form_gives_scikit_learns_accuracy(parts, regression, file, tmp_path, kind):
    if kind == "keras":
        model = load(file)
    elif kind == "saved_model":
        keras_model(regression).export(tmp_path / "exported", verbose=False)
        model = load(tmp_path / "exported")
    elif kind == "probabilities":
        keras_model(regression, "softmax").save(tmp_path / "soft.keras")
        model = load(tmp_path / "soft.keras", outputs="probabilities")
    else:
        keras_model(regression, channels_first=True).save(tmp_path / "first.keras")
        model = load(tmp_path / "first.keras", layout="NCHW")
    external_checks.check(model, parts.source)
    found, pixels = accuracy(model, parts.source)
    flat = pixels[..., 0].reshape(-1, 64) / 255
    assert found == pytest.approx(
        regression.score(np.sin(2 * flat), parts.source.labels), abs=0.003
    )
    seeds = tf.stack([tf.range(50, dtype=tf.int64)] * 2, 1)
    labels = tf.constant(parts.source.labels[:50], tf.int32)
    logits_fn = model.logits_fn(NormMode())
    attacked = PGD(32, 5, 8.0, targeted=False)(logits_fn, pixels[:50], labels, seeds)
    assert np.mean(np.argmax(logits_fn(attacked), 1) == labels) < found - 0.3


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"pixel_range": (0.0, 255.0)}, "state --pixel_range=0,1"),
        (
            {"layout": "NCHW"},
            r"takes \[N, 8, 8, 3\], and the images are \[8, 8, 3\] as NCHW: state NHWC",
        ),
        ({"outputs": "probabilities"}, "returns no probabilities: state --outputs=logits"),
        ({"pixel_range": None}, "doesn't say what images it takes"),
        ({"layout": "NWHC"}, "--layout is 'NWHC', .*Did you mean 'NHWC'?"),
    ],
)
def test_wrong_statements_are_refused_with_the_right_one(parts, file, stated, message):
    with pytest.raises(UserError, match=message):
        external_checks.check(load(file, **stated), parts.source)


def test_probabilities_stated_as_logits_are_refused(parts, regression, tmp_path):
    keras_model(regression, "softmax").save(tmp_path / "soft.keras")
    with pytest.raises(UserError, match="state --outputs=probabilities"):
        external_checks.check(load(tmp_path / "soft.keras"), parts.source)


def test_another_number_of_classes_is_refused(parts, tmp_path):
    images = keras.Input((8, 8, 3))
    output = keras.layers.Dense(7)(keras.layers.Flatten()(images))
    keras.Model(images, output).save(tmp_path / "seven.keras")
    with pytest.raises(UserError, match=r"returns \[64, 7\] .* has 10 classes"):
        external_checks.check(load(tmp_path / "seven.keras"), parts.source)


def test_what_is_no_model_is_refused(file, tmp_path):
    with pytest.raises(UserError, match="there is no"):
        load(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="--saved_model: '.*empty'"):
        load(tmp_path / "empty")
    with pytest.raises(UserError, match="can't be had here: bind 'float32'"):
        load(file).logits_fn(NormMode(), "bfloat16")


def test_an_unknown_endpoint_is_refused_with_the_nearest(regression, tmp_path):
    keras_model(regression).export(tmp_path / "exported", verbose=False)
    with pytest.raises(UserError, match="no function 'server'.*Did you mean 'serve'?"):
        load(tmp_path / "exported", endpoint="server")
