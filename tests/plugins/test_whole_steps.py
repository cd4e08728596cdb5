"""Whole steps of the worked strategies, update and all, in plain float64 TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import batches, make_plan, one_device, randomized, values
from shared.step_oracle import Oracle

from tfadv import randomness

pytestmark = pytest.mark.usefixtures("worked_plugins", "op_by_op")

BN, MBN = "adv_100_clean_100", "mbn"


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
    monkeypatch.setattr("plugins.trades.DivergencePGD.START_DEVIATION", BESIDE)
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


WEAK = ("weak/PGD.epsilon = 4.0", "weak/PGD.steps = 1", "weak/PGD.step_size = 3.0")
TWO = "FineAdvProp.attacks = ('pgd', 'weak/pgd')"
BRANCHES = "MixtureBatchNorm.branches = ('clean', 'adv', 'weak')"


class TwoAttacks(Oracle):
    """AdvProp with a strong and a weak attack, each through its own branch."""

    def __init__(self, trainer, mixture):
        super().__init__(trainer, mixture)
        self.attacks = trainer.plan.attacks

    def images(self, batch):
        found = {"clean": tf.cast(batch["image"], tf.float64)}
        for kind, spec in {"adv": "pgd", "weak": "weak/pgd"}.items():
            found[kind] = self.attacked(batch, spec, kind)
        return found

    def attacked(self, batch, spec, branch):
        seeds = randomness.example_seeds(self.seed, f"attack {spec}", batch["index"])
        attack, images = self.attacks[spec], batch["image"]
        clean_start = randomness.for_purpose(seeds, "clean_start")
        from_clean = randomness.uniform(clean_start, (), 0.0, 1.0) < 0.2
        noise = tf.where(from_clean[:, None, None, None], 0.0, self.noise(seeds, attack.epsilon))
        target = self.target(batch["label"], seeds)

        def loss(x):
            return -self.cross_entropy(self.logits(x, branch), target, 0.0)

        return self.climb(images, images + noise, attack, loss)


def test_two_attacks_have_branches_of_their_own():
    plan = make_plan(MBN, *named("fine_advprop", TWO), *WEAK, BRANCHES)
    assert {spec: attack.epsilon for spec, attack in plan.attacks.items()} == {
        "pgd": plan.attack.epsilon,
        "weak/pgd": 4.0,
    }
    require_equal_steps(plan, lambda trainer: TwoAttacks(trainer, True))


class WorstOfTwo(TwoAttacks):
    """Tramèr & Boneh (2019), section 2: each image under the attack with the larger loss."""

    def images(self, batch):
        both = [self.attacked(batch, spec, "adv") for spec in ("pgd", "weak/pgd")]
        losses = [self.cross_entropy(self.logits(x, "adv"), batch["label"], 0.0) for x in both]
        first = (losses[0] >= losses[1])[:, None, None, None]
        assert 0 < np.mean(first) < 1
        return {"adv": tf.where(first, *both)}


class BothOfTwo(TwoAttacks):
    """Its average over the attacks; one batch of them all."""

    def images(self, batch):
        return {spec: self.attacked(batch, spec, "adv") for spec in ("pgd", "weak/pgd")}

    def logits_by_kind(self, images, measured):
        mixed = self.logits(tf.concat([*images.values()], 0), "adv", measured)
        return dict(zip(images, tf.split(mixed, 2), strict=True))


@pytest.mark.parametrize(("combine", "oracle"), [("max", WorstOfTwo), ("avg", BothOfTwo)])
def test_a_mixture_of_threat_models(combine, oracle):
    both = "ThreatMixture.attacks = ('pgd', 'weak/pgd')"
    bindings = named("threat_mixture", f"ThreatMixture.combine = '{combine}'", both)
    require_equal_steps(make_plan(MBN, *bindings, *WEAK), lambda trainer: oracle(trainer, True))


class TeacherOracle(Oracle):
    """Tarvainen & Valpola (2017): the average's predictions of the clean images teach."""

    def __init__(self, trainer, mixture):
        super().__init__(trainer, mixture, clean_ratio=1.0)
        self.average, self.number = dict(self.values), 0

    def step(self, batch):
        weights, self.values = self.values, self.average
        clean = tf.cast(batch["image"], tf.float64)
        self.taught = tf.nn.softmax(self.logits(clean, "clean"))
        self.values = weights
        loss = super().step(batch)
        decay = min(0.9, (1 + self.number) / (10 + self.number))
        for path, value in self.values.items():
            self.average[path] = decay * self.average[path] + (1 - decay) * value
        self.number += 1
        return loss

    def loss(self, logits, labels):
        apart = (tf.nn.softmax(logits["adv"]) - self.taught) ** 2
        return super().loss(logits, labels) + 20.0 * tf.reduce_mean(apart)


def test_mean_teacher():
    bindings = ("MeanTeacher.consistency = 20.0", "Training.average_decay = 0.9")
    plan = make_plan(MBN, *named("mean_teacher", *bindings))
    trainer = require_equal_steps(plan, _teacher_of)
    assert trainer.average


def _teacher_of(trainer):
    trainer.average.restart()
    return TeacherOracle(trainer, True)


SOFT = tf.constant(np.random.default_rng(5).dirichlet(np.ones(4), 16), tf.float32)
WEIGHTS = tf.constant(np.random.default_rng(6).uniform(0, 3, 16), tf.float32)


class SoftOracle(Oracle):
    """Losses of soft labels, weighted; the attack goes away from them or from the largest."""

    def images(self, batch):
        self.soft, self.weights = batch["target"], tf.cast(batch["weight"], tf.float64)
        return super().images(batch | {"label": tf.argmax(batch["target"], -1, tf.int32)})

    def adversarial(self, images, labels, index):
        if self.attack.targeted:
            return super().adversarial(images, labels, index)
        seeds = randomness.example_seeds(self.seed, "attack", index)
        soft = self.soft

        def loss(x):
            return self.cross_entropy(self.logits(x, "adv"), soft, 0.0)

        return self.climb(
            images, images + self.noise(seeds, self.attack.epsilon), self.attack, loss
        )

    def loss(self, logits, labels):
        losses = [self.cross_entropy(y, self.soft, 0.1) for y in logits.values()]
        return tf.reduce_mean(tf.concat([self.weights * loss for loss in losses], 0))


@pytest.mark.parametrize("targeted", [True, False])
def test_soft_labels_and_weights(targeted):
    bindings = () if targeted else ("PGD.targeted = False", "PGD.clean_start_probability = 0.0")

    class Unweighted(SoftOracle):
        """Reports the loss without weights."""

        def step(self, batch):
            expected = dict(self.values)
            super().step(batch)
            after, self.values = self.values, expected
            plain = batch | {"weight": tf.ones(16)}
            loss, _ = self.gradients(self.images(plain), batch["label"], {})
            self.values = after
            return float(loss)

    plan = make_plan(MBN, *bindings)
    oracle = lambda trainer: Unweighted(trainer, True, clean_ratio=1.0)  # noqa: E731
    require_equal_steps(plan, oracle, SOFT, WEIGHTS)
