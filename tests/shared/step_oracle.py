"""A training step of the smoke scale in plain float64 TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from shared.smoke_trainers import batches, one_device, randomized, values
from tfadv import randomness

MOMENTUM, DECAY, SMOOTHING, BN_MOMENTUM, BN_EPSILON = 0.9, 1e-4, 0.1, 0.9, 1e-5


class Oracle:
    """One training step, from the paper and the protocol alone.

    It knows nothing of the package but the names of the variables and the
    streams of random numbers. A subclass makes another strategy's step of its parts.
    """

    def __init__(self, trainer, mixture, frozen=False, clean_ratio=None, pairing=0.0):
        self.values = {path: tf.constant(v, tf.float64) for path, v in values(trainer).items()}
        self.trainable = [variable.path for variable in trainer.model.trainable_variables]
        self.velocity = {path: tf.zeros_like(self.values[path]) for path in self.trainable}
        self.attack = trainer.plan.attack
        self.seed = trainer.plan.experiment.seed
        self.rate = 0.1 * trainer.plan.training.batch_size / 256
        self.mixture, self.frozen = mixture, frozen
        self.clean_ratio, self.pairing = clean_ratio, pairing

    def unit(self, x, path, branch, stride=1, relu=True, measured=None):
        x = tf.nn.conv2d(x, self.values[f"{path}/kernel"], stride, "SAME")
        norm = f"{path}/norm/{branch}" if self.mixture else f"{path}/norm"
        mean, variance = (self.values[f"{norm}/moving_{what}"] for what in ("mean", "variance"))
        if measured is not None:
            mean = tf.reduce_mean(x, [0, 1, 2])
            variance = tf.reduce_mean((x - mean) ** 2, [0, 1, 2])
            measured[norm] = (mean, variance)
        x = (x - mean) / tf.sqrt(variance + BN_EPSILON)
        x = x * self.values[f"{norm}/gamma"] + self.values[f"{norm}/beta"]
        return tf.nn.relu(x) if relu else x

    def logits(self, images, branch, measured=None):
        x = self.unit(images / 127.5 - 1, "stem", branch, measured=measured)
        for stage in (1, 2):
            block, stride = f"stage{stage}_block1", stage
            y = self.unit(x, f"{block}/reduce", branch, measured=measured)
            y = self.unit(y, f"{block}/spatial", branch, stride, measured=measured)
            y = self.unit(y, f"{block}/expand", branch, relu=False, measured=measured)
            shortcut = self.unit(x, f"{block}/shortcut", branch, stride, False, measured)
            x = tf.nn.relu(y + shortcut)
        pooled = tf.reduce_mean(x, [1, 2])
        return pooled @ self.values["head/kernel"] + self.values["head/bias"]

    def adversarial(self, images, labels, index):
        """Attacks as the run does: targeted PGD in L∞ through the adversarial branch."""
        seeds = randomness.example_seeds(self.seed, "attack", index)
        noise = self.noise(seeds, self.attack.epsilon)
        clean_start = randomness.for_purpose(seeds, "clean_start")
        from_clean = randomness.uniform(clean_start, (), 0.0, 1.0) < 0.2
        start = tf.where(from_clean[:, None, None, None], 0.0, noise)
        target = self.target(labels, seeds)

        def loss(x):
            return -self.cross_entropy(self.logits(x, "adv"), target, 0.0)

        return self.climb(images, images + start, self.attack, loss)

    @staticmethod
    def noise(seeds, epsilon):
        noise = randomness.for_purpose(seeds, "noise")
        return randomness.uniform(noise, (8, 8, 3), -epsilon, epsilon)

    @staticmethod
    def target(labels, seeds):
        draw = randomness.integers(randomness.for_purpose(seeds, "target"), 2**31 - 1)
        return (labels + 1 + draw % 3) % 4

    @staticmethod
    def climb(images, start, attack, loss):
        """Climbs the losses [N] of images by sign steps in an L∞ ball."""
        x, images = tf.cast(start, tf.float64), tf.cast(images, tf.float64)
        for _ in range(attack.steps):
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = tf.reduce_sum(loss(x))
            x = x + attack.step_size * tf.sign(tape.gradient(total, x))
            x = tf.clip_by_value(x, images - attack.epsilon, images + attack.epsilon)
            x = tf.clip_by_value(x, 0.0, 255.0)
        return x

    @staticmethod
    def cross_entropy(logits, labels, smoothing):
        """Returns that of classes [N], or of soft labels [N, 4]."""
        shares = tf.one_hot(labels, 4, dtype=tf.float64) if len(labels.shape) == 1 else labels
        soft = (1 - smoothing) * tf.cast(shares, tf.float64) + smoothing / 4
        return -tf.reduce_sum(soft * tf.nn.log_softmax(logits), -1)

    def logits_by_kind(self, images, measured):
        """Returns the training forward's logits: a batch for each kind, or one of them all."""
        measured = None if self.frozen else measured
        if self.mixture or len(images) == 1:
            return {kind: self.logits(x, kind, measured) for kind, x in images.items()}
        mixed = self.logits(tf.concat([*images.values()], 0), "", measured)
        return dict(zip(images, tf.split(mixed, [len(x) for x in images.values()]), strict=True))

    def penalty(self):
        kernels = [self.values[path] for path in self.trainable if path.endswith("kernel")]
        return 0.5 * DECAY * sum(tf.reduce_sum(kernel**2) for kernel in kernels)

    def loss(self, logits, labels):
        total = sum(
            tf.reduce_sum(self.cross_entropy(y, labels[: len(y)], SMOOTHING))
            for kind, y in logits.items()
        ) / sum(len(y) for y in logits.values())
        if self.pairing:
            total += self.pairing * tf.reduce_mean((logits["clean"] - logits["adv"]) ** 2)
        return total

    def gradients(self, images, labels, measured, decay=True):
        """Returns the loss and its gradients by the trainable weights, by path."""
        weights = {path: self.values[path] for path in self.trainable}
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.loss(self.logits_by_kind(images, measured), labels)
            if decay:
                loss += self.penalty()
        return loss, tape.gradient(loss, weights, unconnected_gradients="zero")

    def update(self, gradients, measured):
        """Updates by Nesterov momentum, and the running statistics by what was measured."""
        for path, gradient in gradients.items():
            self.velocity[path] = MOMENTUM * self.velocity[path] + gradient
            look_ahead = gradient + MOMENTUM * self.velocity[path]
            self.values[path] = self.values[path] - self.rate * look_ahead
        for norm, moments in measured.items():
            for what, new in zip(("mean", "variance"), moments, strict=True):
                old = self.values[f"{norm}/moving_{what}"]
                self.values[f"{norm}/moving_{what}"] = BN_MOMENTUM * old + (1 - BN_MOMENTUM) * new

    def images(self, batch):
        """Returns the images of each kind."""
        images, labels, kinds = batch["image"], batch["label"], {}
        if self.clean_ratio is None or self.clean_ratio > 0:
            kept = len(images) if self.clean_ratio is None else round(self.clean_ratio * 16)
            kinds["clean"] = tf.cast(images[:kept], tf.float64)
        if self.clean_ratio is not None:
            kinds["adv"] = self.adversarial(images, labels, batch["index"])
        return kinds

    def step(self, batch):
        measured = {}
        loss, gradients = self.gradients(self.images(batch), batch["label"], measured)
        self.update(gradients, measured)
        return float(loss)


def named(strategy, *bindings):
    return f"Experiment.strategy = '{strategy}'", *bindings


def require_equal_steps(plan, oracle_of, targets=None, weights=None, steps=2):
    """Two steps of the trainer and of its oracle leave the same variables."""
    trainer = randomized(one_device(plan))
    oracle, start = oracle_of(trainer), values(trainer)
    phase = trainer.train_step.phase(epoch=0)
    for batch in batches(plan, steps):
        more = {"target": targets, "weight": weights}
        batch |= {name: value for name, value in more.items() if value is not None}
        expected = oracle.step(batch)
        metrics, found = trainer.train_step(batch, phase)
        assert not found.is_broken
    assert float(metrics["loss"]) == pytest.approx(expected, abs=1e-5)
    assert trainer.step == steps
    for path, value in values(trainer).items():
        np.testing.assert_allclose(value, oracle.values[path], atol=1e-5, rtol=0, err_msg=path)
    moved = max(np.abs(value - start[path]).max() for path, value in values(trainer).items())
    assert moved > 1e-3
    return trainer
