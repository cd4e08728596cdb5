"""Which images are in the loss, how they are weighted, and whose statistics they meet."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.losses import cross_entropy
from tfadv.norms import NormMode, NormPolicy
from tfadv.norms.base import write_statistics
from tfadv.strategies import Network
from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing
from tfadv.strategies.standard import Standard


def training_images(strategy, network, images, labels):
    seeds = randomness.example_seeds(0, "attack", tf.range(len(images)))
    return strategy.training_images(network, PGD(8, 2, 4.0), images, labels, seeds)


@pytest.mark.parametrize(
    ("ratio", "kept"), [(0, 0), (0.01, 1), (0.2, 1), (0.4, 2), (0.5, 3), (0.8, 5), (1, 6)]
)
def test_the_clean_ratio_keeps_its_number_of_images(tiny_model, some_images, ratio, kept):
    found = training_images(Adversarial(ratio), Network(tiny_model("batch")), *some_images)
    assert found["adv"].shape[0] == 6
    assert (found["clean"].shape[0] if "clean" in found else 0) == kept
    if kept:
        np.testing.assert_array_equal(found["clean"], some_images[0][:kept])


def test_standard_training_never_attacks(tiny_model, some_images):
    found = training_images(Standard(), Network(tiny_model("batch")), *some_images)
    assert list(found) == ["clean"]
    np.testing.assert_array_equal(found["clean"], some_images[0])


def test_the_attack_runs_through_the_adv_branch_on_running_statistics(tiny_model, some_images):
    model = tiny_model("mixture")
    found = training_images(Adversarial(), Network(model), *some_images)["adv"]
    seeds = randomness.example_seeds(0, "attack", tf.range(6))
    for branch, same in (("adv", True), ("clean", False)):
        by_hand = PGD(8, 2, 4.0)(model.logits_fn(NormMode(branch)), *some_images, seeds)
        assert np.array_equal(found, by_hand) == same


LOGITS = {
    "clean": np.array([[1, 0], [2, 1]], np.float32),
    "adv": np.array([[0, 1], [3, 1], [1, 1], [0, 2]], np.float32),
}
LABELS = tf.constant([0, 1, 1, 0])


def mean_losses(smoothing=0.1, clean_smoothing=0.1):
    clean = cross_entropy(LOGITS["clean"], LABELS[:2], clean_smoothing).numpy()
    return clean, cross_entropy(LOGITS["adv"], LABELS, smoothing).numpy()


def test_every_image_kept_weighs_the_same():
    clean, adv = mean_losses()
    expected = np.concatenate([clean, adv]).mean()
    assert float(Adversarial(0.5).loss(LOGITS, LABELS)) == pytest.approx(expected, rel=1e-6)


def test_a_given_weight_and_smoothing_of_the_clean_images():
    clean, adv = mean_losses(clean_smoothing=0)
    strategy = Adversarial(0.5, clean_weight=0.3, clean_label_smoothing=0.0)
    expected = 0.3 * clean.mean() + 0.7 * adv.mean()
    assert float(strategy.loss(LOGITS, LABELS)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_logit_pairing_adds_the_distance_of_the_pairs(reduction):
    squares = (LOGITS["clean"] - LOGITS["adv"][:2]) ** 2
    distance = squares.mean() if reduction == "mean" else squares.sum(1).mean()
    plain = float(Adversarial().loss(LOGITS, LABELS))
    paired = float(LogitPairing(2.0, reduction).loss(LOGITS, LABELS))
    assert paired == pytest.approx(plain + 2 * distance, rel=1e-6)


def test_without_branches_the_batch_is_mixed(tiny_model, some_images):
    clean, adv = some_images[0], some_images[0][:4] * 0.5
    model = tiny_model("batch")
    network = Network(model)
    found = network.train_logits({"clean": clean, "adv": adv})
    write_statistics(network.take_statistics(), "mean")
    again = tiny_model("batch")
    mode = NormMode(None, "batch", update=True)
    expected = again(tf.concat([clean, adv], 0), mode=mode)
    np.testing.assert_array_equal(found["clean"], expected[:6])
    np.testing.assert_array_equal(found["adv"], expected[6:])
    for ours, reference in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(ours, reference)


def test_with_branches_the_batches_are_separate(tiny_model, some_images):
    clean, adv = some_images[0], some_images[0][:4] * 0.5
    model, again = tiny_model("mixture"), tiny_model("mixture")
    network = Network(model)
    found = network.train_logits({"clean": clean, "adv": adv})
    write_statistics(network.take_statistics(), "mean")
    for branch, batch in (("clean", clean), ("adv", adv)):
        expected = again(batch, mode=NormMode(branch, "batch", update=True))
        np.testing.assert_array_equal(found[branch], expected)
    for ours, reference in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(ours, reference)


@pytest.mark.parametrize("norm", ["batch", "mixture"])
def test_frozen_statistics_normalize_and_stay(tiny_model, some_images, norm):
    model = tiny_model(norm)
    before = [np.array(variable) for variable in model.non_trainable_variables]
    with tf.GradientTape() as tape:
        network = Network(model, NormPolicy(freeze="statistics"), late=True)
        logits = network.train_logits({"adv": some_images[0]})
        loss = tf.reduce_sum(logits["adv"] ** 2)
    np.testing.assert_allclose(
        logits["adv"], model(some_images[0], mode=NormMode("adv")), rtol=1e-5, atol=1e-5
    )
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    norm_layer = model.units[0].norm
    own = norm_layer.batch_norms[1] if norm == "mixture" else norm_layer
    for gradient in tape.gradient(loss, [own.gamma.value, own.beta.value]):
        assert np.abs(gradient).max() > 0


def test_a_norm_without_the_strategys_branch_is_refused():
    Adversarial().check_branches(("main",))
    Adversarial().check_branches(("clean", "adv", "more"))
    Standard().check_branches(("clean", "other"))
    with pytest.raises(UserError, match="trains the branch 'adv', but the norm has clean, other"):
        Adversarial().check_branches(("clean", "other"))


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: Adversarial(clean_ratio=1.2), "Adversarial.clean_ratio must be in 0..1"),
        (lambda: LogitPairing(clean_ratio=-1), "LogitPairing.clean_ratio"),
        (lambda: LogitPairing(clean_ratio=0), "no pair is left"),
        (lambda: LogitPairing(pairing_weight=-1), "LogitPairing.pairing_weight"),
        (lambda: LogitPairing(reduction="men"), "Did you mean 'mean'"),
        (lambda: Standard(label_smoothing=1.0), "Standard.label_smoothing"),
    ],
)
def test_wrong_arguments_are_told(build, told):
    with pytest.raises(UserError, match=told):
        build()
