"""Adversarial training: which images are in the loss, and how they are weighted."""

import numpy as np
import pytest
import tensorflow as tf
from shared.strategy_cases import LABELS, LOGITS, training_images

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.losses import cross_entropy
from tfadv.norms import NormMode
from tfadv.strategies import Network
from tfadv.strategies.adversarial import Adversarial


@pytest.mark.parametrize(
    ("ratio", "kept"), [(0, 0), (0.01, 1), (0.2, 1), (0.4, 2), (0.5, 3), (0.8, 5), (1, 6)]
)
def test_the_clean_ratio_keeps_its_number_of_images(tiny_model, some_images, ratio, kept):
    found = training_images(Adversarial(ratio), Network(tiny_model("batch")), *some_images)
    assert found["adv"].shape[0] == 6
    assert (found["clean"].shape[0] if "clean" in found else 0) == kept
    if kept:
        np.testing.assert_array_equal(found["clean"], some_images[0][:kept])


def test_the_attack_runs_through_the_adv_branch_on_running_statistics(tiny_model, some_images):
    model = tiny_model("mixture")
    found = training_images(Adversarial(), Network(model), *some_images)["adv"]
    seeds = randomness.example_seeds(0, "attack", tf.range(6))
    for branch, same in (("adv", True), ("clean", False)):
        by_hand = PGD(8, 2, 4.0)(model.logits_fn(NormMode(branch)), *some_images, seeds)
        assert np.array_equal(found, by_hand) == same


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
