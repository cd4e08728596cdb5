"""Whole steps with several attacks, or with a teacher, in plain float64 TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan
from shared.step_oracle import Oracle, named, require_equal_steps

from tfadv import randomness
from tfadv.data.rand_augment import RandAugment
from tfadv.errors import UserError

pytestmark = pytest.mark.usefixtures("worked_plugins", "op_by_op")

WEAK = ("weak/PGD.epsilon = 4.0", "weak/PGD.steps = 1", "weak/PGD.step_size = 3.0")
TWO = "FineAdvProp.attacks = ('pgd', 'weak/pgd')"
BRANCHES = "MixtureBatchNorm.branches = ('clean', 'augmented', 'adv', 'weak')"


class TwoAttacks(Oracle):
    """AdvProp with a second view, a strong and a weak attack, each through its own branch."""

    def __init__(self, trainer, mixture):
        super().__init__(trainer, mixture)
        self.attacks = trainer.plan.attacks

    def images(self, batch):
        names = {"clean": "image", "augmented": "view"}
        found = {kind: tf.cast(batch[name], tf.float64) for kind, name in names.items()}
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


def test_a_view_and_two_attacks_have_branches_of_their_own():
    plan = make_plan("mbn", *named("fine_advprop", TWO), *WEAK, BRANCHES)
    assert {spec: attack.epsilon for spec, attack in plan.attacks.items()} == {
        "pgd": plan.attack.epsilon,
        "weak/pgd": 4.0,
    }
    assert type(plan.view).__name__ == "RandAugment"
    assert plan.strategy.kinds.keys() - plan.strategy.attacked_kinds == {"clean", "augmented"}
    require_equal_steps(plan, lambda trainer: TwoAttacks(trainer, True))


def test_a_view_is_made_of_what_the_augmentation_leaves(monkeypatch):
    kinds = (
        "MixtureBatchNorm.branches = ('clean', 'augmented', 'adv')",
        "InceptionCrop.image_size = 8",
    )
    with pytest.raises(UserError, match="FineAdvProp.view = 'inception_crop' takes images as they"):
        make_plan("mbn", *named("fine_advprop", "FineAdvProp.view = 'inception_crop'"), *kinds)
    with pytest.raises(UserError, match="no augmentation is called 'rand_augmen'.*Did you mean"):
        make_plan("mbn", *named("fine_advprop", "FineAdvProp.view = 'rand_augmen'"), *kinds)
    plan = make_plan("mbn", *named("fine_advprop", "FineAdvProp.view = None"))
    assert plan.view is None and plan.strategy.branches == ("clean", "adv")
    monkeypatch.setattr(RandAugment, "image_size", 4)
    with pytest.raises(UserError, match="FineAdvProp.view = 'rand_augment' makes images of a size"):
        make_plan("mbn", *named("fine_advprop"), *kinds)


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
    require_equal_steps(make_plan("mbn", *bindings, *WEAK), lambda trainer: oracle(trainer, True))


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
    plan = make_plan("mbn", *named("mean_teacher", *bindings))
    trainer = require_equal_steps(plan, _teacher_of)
    assert trainer.average


def _teacher_of(trainer):
    trainer.average.restart()
    return TeacherOracle(trainer, True)
