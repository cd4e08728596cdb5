"""Images as others' models take them, each against the bare model in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.outside_models import Linear, expected_logits, numeric_gradient, save, weights

from tfadv.errors import UserError
from tfadv.interop import external_models
from tfadv.interop.external_models import Stated

UNIT, PIXELS = (0.0, 1.0), (0.0, 255.0)
COLOUR, GREY = (4, 5, 3), (4, 5, 1)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def some(shape, count=7):
    """Returns whole pixels, as files hold them, float32 [N, H, W, C]."""
    return np.random.default_rng(1).integers(0, 256, (count, *shape)).astype("float32")


def load(path, shape=COLOUR, classes=5, **stated):
    stated = Stated(**{"pixel_range": UNIT, "layout": "NHWC"} | stated)
    return external_models.load(path, shape, classes, stated)


def check_gradient(model, bare, image):
    """Compares the gradient of the first logit by 0..255 pixels with differences."""
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_sum(model.logits_fn()(x)[:, 0])
    expected = numeric_gradient(lambda x: bare(x)[:, 0], image[None], 1e-3)
    np.testing.assert_allclose(tape.gradient(logit, x), expected, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_blue_first_and_mean_and_std_are_made_of_pixels(tmp_path, layout):
    w = weights(60, 5)
    shape = [None, *COLOUR] if layout == "NHWC" else [None, 3, 4, 5]
    save(Linear(w), tmp_path / "m", shape)
    model = load(tmp_path / "m", layout=layout, color="BGR", mean=MEAN, std=STD)

    def bare(pixels):
        x = (pixels[..., ::-1] / 255 - np.array(MEAN)) / np.array(STD)
        return expected_logits(x if layout == "NHWC" else np.transpose(x, (0, 3, 1, 2)), w)

    images = some(COLOUR)
    np.testing.assert_allclose(model.logits_fn()(images), bare(images), atol=1e-4)
    check_gradient(model, bare, images[0])
    said = model.describe()
    assert (said["color"], said["mean"], said["std"]) == ("BGR", list(MEAN), list(STD))


def test_caffes_form_has_no_range_but_pixels(tmp_path):
    w = weights(60, 5)
    save(Linear(w), tmp_path / "m", [None, *COLOUR])
    mean = (103.939, 116.779, 123.68)
    model = load(tmp_path / "m", pixel_range=PIXELS, color="BGR", mean=mean, std=(50.0,))
    images = some(COLOUR)
    expected = expected_logits((images[..., ::-1] - mean) / 50, w)
    np.testing.assert_allclose(model.logits_fn()(images), expected, atol=1e-4)


def test_grey_images_have_one_channel(tmp_path):
    w = weights(20, 5)
    save(Linear(w), tmp_path / "m", [None, *GREY])
    images = some(GREY)
    model = load(tmp_path / "m", GREY)
    np.testing.assert_allclose(
        model.logits_fn()(images), expected_logits(images / 255, w), atol=1e-5
    )
    with pytest.raises(UserError, match=r"takes \[N, 4, 5, 1\].*bind Experiment.channels = 1"):
        load(tmp_path / "m", COLOUR)
    with pytest.raises(UserError, match=r"the images are \[6, 5, 1\] as NHWC: choose images"):
        load(tmp_path / "m", (6, 5, 1))


def test_whole_numbers_are_rounded_and_have_no_gradient(tmp_path):
    w = weights(60, 5)
    save(Linear(w), tmp_path / "m", [None, *COLOUR], tf.uint8)
    images = some(COLOUR) + 0.3
    model = load(tmp_path / "m", pixel_range=PIXELS)
    found = model.logits_fn()(np.minimum(images, 255))
    rounded = np.minimum(np.round(images), 255)
    np.testing.assert_allclose(found, expected_logits(rounded, w), atol=1e-4)
    assert model.describe()["dtype"] == "uint8"
    with pytest.raises(UserError, match=r"takes whole numbers \(uint8\): state 0,255"):
        load(tmp_path / "m")
    with pytest.raises(UserError, match="neither --pixel_mean nor"):
        load(tmp_path / "m", pixel_range=PIXELS, mean=(3.0,))


@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_fixed_batch_is_filled_up(tmp_path, count):
    w = weights(60, 5)
    save(Linear(w), tmp_path / "m", [4, *COLOUR])
    model, images = load(tmp_path / "m"), some(COLOUR, count)

    def bare(pixels):
        return expected_logits(pixels / 255, w)

    traced = tf.function(model.logits_fn())
    np.testing.assert_allclose(traced(images), bare(images), atol=1e-5)
    assert traced(images).shape == (count, 5) and model.describe()["batch"] == 4
    check_gradient(model, bare, images[-1])


class Answers(tf.Module):
    """Two outputs, by name or in a list, of images by name."""

    def __init__(self, w):
        super().__init__()
        self.w = tf.Variable(w)

    def outputs(self, inputs):
        flat = tf.reshape(inputs["image"], [-1, 60])
        return {"scores": tf.sin(flat) @ self.w, "mean": tf.reduce_mean(flat, 1)}


def test_dictionaries_and_several_outputs(tmp_path):
    w, images = weights(60, 5), some(COLOUR)
    model, spec = Answers(w), {"image": tf.TensorSpec([None, *COLOUR], tf.float32, "image")}
    model.answer = tf.function(model.outputs, input_signature=[spec])
    model.signed = tf.function(
        lambda image: model.outputs({"image": image}), input_signature=[spec["image"]]
    )
    tf.saved_model.save(model, str(tmp_path / "bare"), signatures={})
    tf.saved_model.save(model, str(tmp_path / "signed"), signatures=model.signed)
    for name, endpoint in (("bare", "answer"), ("signed", None)):
        path, stated = tmp_path / name, {"endpoint": endpoint}
        found = load(path, output_name="scores", **stated)
        expected = expected_logits(images / 255, w)
        np.testing.assert_allclose(found.logits_fn()(images), expected, atol=1e-5)
        assert found.describe()["output_name"] == "scores"
        with pytest.raises(UserError, match="has 2 outputs: it returns (scores, m|mean, s)"):
            load(path, **stated).logits_fn()(images)
        with pytest.raises(UserError, match="no output 'score'.* Did you mean 'scores'?"):
            load(path, output_name="score", **stated).logits_fn()(images)


def test_a_keras_file_with_names_for_its_input_and_outputs(tmp_path):
    inputs = {"image": keras.Input(COLOUR, name="image")}
    flat = keras.layers.Flatten()(inputs["image"])
    scores, other = keras.layers.Dense(5, name="scores"), keras.layers.Dense(2, name="other")
    model = keras.Model(inputs, [scores(flat), other(flat)])
    model.save(tmp_path / "m.keras")
    images = some(COLOUR)
    found = load(tmp_path / "m.keras", output_name="scores")
    expected = (images / 255).reshape(7, -1) @ scores.kernel.numpy() + scores.bias.numpy()
    np.testing.assert_allclose(found.logits_fn()(images), expected, atol=1e-5)
    with pytest.raises(UserError, match="has 2 outputs: it returns scores, other"):
        load(tmp_path / "m.keras").logits_fn()(images)


@pytest.mark.parametrize("outputs", ["sigmoid", "logit"])
@pytest.mark.parametrize("flat", [True, False])
def test_two_classes_of_one_number(tmp_path, outputs, flat):
    w = weights(60, 1)

    def after(logits):
        logits = tf.sigmoid(logits) if outputs == "sigmoid" else logits
        return logits[:, 0] if flat else logits

    save(Linear(w, after), tmp_path / "m", [None, *COLOUR])
    model, images = load(tmp_path / "m", classes=2, outputs=outputs), some(COLOUR)

    def bare(pixels):  # softmax of (0, z) is the sigmoid of z
        z = expected_logits(pixels / 255, w)[:, 0]
        return np.stack([0 * z, z], 1)

    np.testing.assert_allclose(model.logits_fn()(images), bare(images), atol=1e-4)
    probability = tf.nn.softmax(model.logits_fn()(images))[:, 1]
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-bare(images)[:, 1])), atol=1e-5)
    with pytest.raises(UserError, match=f"'{outputs}' tells two classes apart, not 5"):
        load(tmp_path / "m", classes=5, outputs=outputs)


def test_without_a_signature_the_function_is_called_and_without_one_it_is_told(tmp_path):
    w, images = weights(60, 5), some(COLOUR)
    save(Linear(w), tmp_path / "m", [None, *COLOUR], signature=False)
    model = load(tmp_path / "m")
    expected = expected_logits(images / 255, w)
    np.testing.assert_allclose(model.logits_fn()(images), expected, atol=1e-5)
    assert model.describe()["endpoint"] == "__call__"
    empty = tf.Module()
    empty.w = tf.Variable(w)
    tf.saved_model.save(empty, str(tmp_path / "empty"))
    with pytest.raises(UserError, match="neither a signature nor a function to call: save it with"):
        load(tmp_path / "empty")


def test_a_function_of_more_than_images_is_refused(tmp_path):
    model = tf.Module()
    one = tf.TensorSpec([None, *COLOUR], tf.float32)
    two = [tf.TensorSpec([None, *COLOUR], tf.float32, name) for name in ("image", "mask")]
    model.both = tf.function(lambda image, mask: {"a": image + mask}, input_signature=two)
    model.first = tf.function(lambda image: image, input_signature=[one])
    tf.saved_model.save(model, str(tmp_path / "m"), signatures={"both": model.both})
    with pytest.raises(UserError, match=r"'both' of .* has 2 inputs \(image, mask\)"):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"color": "GBR"}, "--color is 'GBR', which is none of RGB, BGR"),
        ({"mean": (123.0,)}, r"--pixel_mean must be in --pixel_range, 0..1"),
        ({"std": (0.0,)}, "--pixel_std must be > 0"),
        ({"mean": (0.1, 0.2)}, "--pixel_mean must be one number or 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, stated, message):
    save(Linear(weights(60, 5)), tmp_path / "m", [None, *COLOUR])
    with pytest.raises(UserError, match=message):
        load(tmp_path / "m", **stated)
