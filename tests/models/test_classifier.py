"""What a classifier offers: branches by name, norms found by walking, statistics handed back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import config
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.models.classifier import norm_variables
from tfadv.models.external import ExternalModel
from tfadv.models.image_form import ImageForm
from tfadv.norms import NormMode, NormPhase
from tfadv.norms.base import norms_in, write_statistics
from tfadv.norms.batch_norm import BatchNorm
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.plan import build_plan
from tfadv.strategies import Network

UPDATE = NormMode(statistics="batch", update=True)


def brightness(images):
    """Returns three logits by how bright images of 0..1 are."""
    return tf.reduce_mean(images, [1, 2, 3])[:, None] * tf.constant([[1.0, 0.0, -1.0]])


@pytest.fixture
def external():
    functions = {"clean": brightness, "adv": lambda images: -brightness(images)}
    return ExternalModel("outside", functions, (8, 8, 3), 3, ImageForm((0.0, 1.0)))


def test_an_external_model_has_the_branches_of_its_functions(external, some_images):
    images, _ = some_images
    expected = brightness(images / 255)
    np.testing.assert_allclose(external.logits_fn()(images), expected, rtol=1e-5)
    np.testing.assert_allclose(external.logits_fn(NormMode("adv"))(images), -expected, rtol=1e-5)
    assert (external.image_shape, external.classes, dict(external.norms)) == ((8, 8, 3), 3, {})


@pytest.mark.parametrize("norm", ["batch", "group", "mixture"])
def test_an_unknown_branch_is_refused_wherever_a_model_is_called(tiny_model, some_images, norm):
    model, mode = tiny_model(norm), NormMode("advv")
    for call in (model.logits_fn, lambda mode: model(some_images[0], mode=mode)):
        with pytest.raises(UserError, match="NormMode.branch is 'advv'; the branches are "):
            call(mode)
    norm_layer = next(iter(model.norms.values()))
    with pytest.raises(UserError, match="NormMode.branch is 'advv'"):
        norm_layer(tf.zeros((2, 4, 4, 4)), mode=mode)


def test_an_unknown_branch_of_an_external_model_is_refused_with_the_nearest(external):
    with pytest.raises(UserError, match="clean, adv. Did you mean 'adv'?"):
        external.logits_fn(NormMode("advv"))


def test_a_branch_of_a_model_without_branches_is_its_only_one(tiny_model, some_images):
    """A strategy asks for 'adv' whatever the norm."""
    model, (images, _) = tiny_model("batch"), some_images
    seen = Network(model).attack_logits_fn("adv")(images)
    np.testing.assert_allclose(seen, model.logits_fn()(images), rtol=1e-6)


class Nested(keras.layers.Layer):
    """Norms as an attribute, in a list and in a layer inside."""

    def __init__(self, depth=1):
        super().__init__(name=f"nested{depth}")
        self.first = BatchNorm(name="first")
        self.others = [BatchNorm(name="second"), BatchNorm(name="third")]
        self.inside = Nested(depth - 1) if depth else None

    def build(self, shape):
        for norm in (self.first, *self.others):
            norm.build(shape)
        if self.inside:
            self.inside.build(shape)


def test_norms_are_found_wherever_they_are_kept():
    layer = Nested()
    layer.build((None, 4, 4, 2))
    own = ["nested1/first", "nested1/second", "nested1/third"]
    inside = [f"nested1/nested0/{name}" for name in ("first", "second", "third")]
    assert sorted(norms_in(layer)) == sorted(own + inside)


@pytest.mark.parametrize(("norm", "branches"), [("batch", 1), ("mixture", 2)])
def test_norm_variables_are_every_gamma_and_beta_once(tiny_model, norm, branches):
    model = tiny_model(norm)
    found = [variable.path for variable in norm_variables(model)]
    expected = [v.path for v in model.trainable_variables if v.name in ("gamma", "beta")]
    assert sorted(found) == sorted(expected)
    assert len(found) == 2 * branches * len(model.units)


@pytest.mark.parametrize("norm", ["batch", "mixture"])
def test_collected_statistics_make_the_update_that_a_call_makes_at_once(
    tiny_model, some_images, norm
):
    images, _ = some_images
    at_once, later = tiny_model(norm), tiny_model(norm)
    before = [np.array(variable) for variable in later.variables]
    logits, collected = later(images, mode=UPDATE, collect=True)
    for variable, value in zip(later.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    np.testing.assert_allclose(at_once(images, mode=UPDATE), logits, rtol=1e-6)
    write_statistics(later.norms, collected, "mean")
    moved = 0
    for one, other, value in zip(at_once.variables, later.variables, before, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)
        moved += not np.array_equal(one, value)
    assert moved == 2 * len(later.units)  # the mean and the variance of one branch


def test_statistics_of_both_kinds_come_back_with_the_training_forward(tiny_model, some_images):
    images, _ = some_images
    model = tiny_model("mixture")
    _, collected = Network(model, NormPhase()).train_logits({"clean": images, "adv": images / 2})
    branches = {path.rpartition("/")[2] for path in collected}
    assert branches == {"clean", "adv"} and len(collected) == 2 * len(model.units)


class Outsider:
    """A classifier that inherits nothing of this package."""

    name, image_shape, classes = "outsider", (8, 8, 3), 10
    branches, default_branch, dtypes, norms = ("main",), "main", ("float32",), {}

    def logits_fn(self, mode, dtype="float32", constant=False):
        """Returns ten logits by the images' brightness."""
        return lambda images: tf.reduce_mean(images, [1, 2, 3])[:, None] * tf.range(10.0)

    def describe(self):
        """Returns its name."""
        return {"name": self.name}


def test_whatever_satisfies_the_protocol_is_attacked_and_evaluated(digits_plan):
    parts = EvaluationParts.of(digits_plan)
    record = Evaluator(Outsider(), parts, tf.distribute.get_strategy()).evaluate()
    always_nine = np.mean(parts.source.labels == 9)
    assert record["clean"]["main"]["accuracy"] == pytest.approx(always_nine)
    assert [row["branch"] for row in record["attacks"]] == ["main"]


@pytest.fixture
def digits_plan():
    config.read(["gin/clean.gin"], ["Evaluation.attacks = ('pgd10/pgd',)"])
    return build_plan()
