"""Whole steps of the worked strategies, update and all, in plain float64 TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan
from shared.step_oracle import Oracle, named, require_equal_steps

from tfadv import randomness

pytestmark = pytest.mark.usefixtures("worked_plugins", "op_by_op")

BN, MBN = "adv_100_clean_100", "mbn"


class MartOracle(Oracle):
    """Wang et al. (2020), equations 8 to 12."""

    def loss(self, logits, labels):
        p, q = tf.nn.softmax(logits["clean"]), tf.nn.softmax(logits["adv"])
        here = tf.one_hot(labels, 4, dtype=tf.float64)
        p_y, q_y = tf.reduce_sum(p * here, -1), tf.reduce_sum(q * here, -1)
        boosted = -tf.math.log(q_y) - tf.math.log(1.0001 - tf.reduce_max(q * (1 - here), -1))
        kl = tf.reduce_sum(p * tf.math.log(p / q), -1)
        return tf.reduce_mean(boosted + 5.0 * kl * (1 - p_y))


@pytest.mark.parametrize(("recipe", "mixture"), [(MBN, True), (BN, False)])
def test_mart(recipe, mixture):
    plan = make_plan(recipe, *named("mart"))
    require_equal_steps(plan, lambda trainer: MartOracle(trainer, mixture, clean_ratio=1.0))


BESIDE = 20.0


class TradesOracle(Oracle):
    """Zhang et al. (2019): its attack climbs the divergence from beside the image."""

    def adversarial(self, images, labels, index):
        seeds = randomness.example_seeds(self.seed, "attack", index)
        beside = BESIDE * randomness.normal(randomness.for_purpose(seeds, "noise"), (8, 8, 3))
        clean = tf.nn.softmax(self.logits(tf.cast(images, tf.float64), "adv"))

        def apart(x):
            return tf.reduce_sum(clean * -tf.nn.log_softmax(self.logits(x, "adv")), -1)

        return self.climb(images, images + beside, self.attack, apart)

    def loss(self, logits, labels):
        p, q = tf.nn.softmax(logits["clean"]), tf.nn.softmax(logits["adv"])
        kl = tf.reduce_sum(p * tf.math.log(p / q), -1)
        return tf.reduce_mean(self.cross_entropy(logits["clean"], labels, 0.0) + 6.0 * kl)


def with_moved_weights(base, gamma, warmup=0):
    """Returns the oracle of Wu et al. (2020), algorithm 1, on top of another's."""

    class AwpOracle(base):
        done = 0

        def step(self, batch):
            images, measured = self.images(batch), {}
            before = dict(self.values)
            _, up = self.gradients(images, batch["label"], {}, decay=False)
            if self.done >= warmup:
                for path, g in up.items():
                    w = self.values[path]
                    if len(w.shape) > 1:
                        long = tf.norm(w) / tf.norm(g) if tf.norm(g) > 0 else 0.0
                        self.values[path] = w + gamma * long * g
            loss, gradients = self.gradients(images, batch["label"], measured)
            self.values = before
            self.update(gradients, measured)
            self.done += 1
            return float(loss)

    return AwpOracle


AWP = ("AdversarialWeightPerturbation.gamma = 0.05",)


@pytest.mark.parametrize(
    ("recipe", "inner", "base"),
    [(MBN, "adversarial", Oracle), (BN, "trades", TradesOracle), (MBN, "mart", MartOracle)],
)
def test_awp_on_top_of_others(monkeypatch, recipe, inner, base):
    # So near to the image that the gradient's sign is rounding, otherwise.
    monkeypatch.setattr("plugins.trades.NearbyDivergencePGD.START_DEVIATION", BESIDE)
    on_top = f"AdversarialWeightPerturbation.strategy = '{inner}'"
    plan = make_plan(recipe, *named("awp", on_top), *AWP)
    oracle = with_moved_weights(base, 0.05)
    require_equal_steps(plan, lambda trainer: oracle(trainer, recipe == MBN, clean_ratio=1.0))


def test_awp_begins_after_its_warm_up():
    """Of two steps an epoch, the first alone is in the first half of it."""
    late = "AdversarialWeightPerturbation.warmup_epochs = 0.5"
    plan = make_plan(MBN, *named("awp", late), *AWP)
    oracle = with_moved_weights(Oracle, 0.05, warmup=1)
    require_equal_steps(plan, lambda trainer: oracle(trainer, True, clean_ratio=1.0))


class FreeOracle(Oracle):
    """Shafahi et al. (2019), algorithm 1, from a start of the image's own."""

    replays = 3

    def step(self, batch):
        images, epsilon, losses = batch["image"], self.attack.epsilon, []
        noise = self.noise_of(batch["index"], epsilon)
        x = tf.cast(tf.clip_by_value(images + noise, 0.0, 255.0), tf.float64)
        images = tf.cast(images, tf.float64)
        for _ in range(self.replays):
            measured = {}
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss, gradients = self.gradients({"adv": x}, batch["label"], measured)
            by_images = tape.gradient(loss, x)
            self.update(gradients, measured)
            x = tf.clip_by_value(
                x + epsilon * tf.sign(by_images), images - epsilon, images + epsilon
            )
            x = tf.clip_by_value(x, 0.0, 255.0)
            losses.append(float(loss))
        return np.mean(losses)

    def noise_of(self, index, epsilon):
        seeds = randomness.example_seeds(self.seed, "attack", index)
        return randomness.uniform(seeds, (8, 8, 3), -epsilon, epsilon)


@pytest.mark.parametrize(("recipe", "mixture"), [(MBN, True), (BN, False)])
def test_free(recipe, mixture):
    """Each step is one, whatever the replays: the learning rate's and the data's."""
    smooth = ("Free.replays = 3", "Free.label_smoothing = 0.1")
    plan = make_plan(recipe, *named("free", *smooth))
    require_equal_steps(plan, lambda trainer: FreeOracle(trainer, mixture, clean_ratio=0.0))
