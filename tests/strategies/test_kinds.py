"""Any number of kinds of images and of norm branches: training, evaluation, export, the kit."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared.random_bundles import bundle_of, random_run
from shared.smoke_trainers import claimed, make_plan, mirrored, one_device, values

from tfadv import testing
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.norms import NormMode
from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, CLEAN, Network, Strategy
from tfadv.training.session import Session

THREE = ("Experiment.strategy = 'three'", "MixtureBatchNorm.branches = ('clean', 'adv', 'weak')")


class Three(Strategy):
    """Clean, strongly and weakly attacked images."""

    branches = (CLEAN, ADV, "weak")

    def training_images(self, network, attack, images, labels, seeds):
        weak = PGD.within(attack.threat_model.scaled(0.25), attack.steps, attack.step_size / 4)
        view = network.attack_logits_fn
        adv_branch, weak_branch = self.kinds[ADV], self.kinds["weak"]
        return {
            CLEAN: images,
            ADV: attack(view(adv_branch), images, labels, seeds),
            "weak": weak(view(weak_branch), images, labels, seeds),
        }

    def loss(self, logits, labels):
        losses = self.branch_losses(logits, labels)
        return tf.add_n([tf.reduce_mean(loss) for loss in losses.values()]) / 3


class ThreeInTwo(Three):
    """Both attacked kinds in one branch."""

    @property
    def kinds(self):
        return {CLEAN: CLEAN, ADV: ADV, "weak": ADV}


@pytest.fixture
def three(forget_plugins):
    STRATEGIES.register("three")(Three)
    STRATEGIES.register("three_in_two")(ThreeInTwo)


def three_plan(*bindings):
    return make_plan("mbn", *THREE, *bindings)


def test_three_kinds_train_are_evaluated_and_exported(three, tmp_path):
    plan = three_plan("Training.epochs = 1")
    record = Session(one_device(plan)).run(claimed(tmp_path / "run", "mbn"))
    assert list(record["clean"]) == ["clean", "adv", "weak"]
    assert {row["branch"] for row in record["attacks"]} == {"clean", "adv", "weak"}
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert {"clean_accuracy", "adv_accuracy", "weak_accuracy"} <= json.loads(lines[-1]).keys()
    run = random_run(tmp_path, *THREE, files=["gin/mbn.gin", "gin/scale/digits.gin"])
    metadata, _ = bundle_of(run, tmp_path / "bundle")
    assert metadata["branches"] == ["adv", "clean", "weak"]
    assert metadata["endpoints"]["weak"] == "serve_weak"


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("trainer_of", "binding"),
    [
        (one_device, "Training.micro_batch_size = 4"),
        pytest.param(mirrored, "Training.micro_batch_size = None", marks=pytest.mark.slow),
    ],
)
def test_micro_batches_and_replicas_make_no_difference(three, trainer_of, binding):
    """Prepared once for all micro-batches, each branch's attack is what it is in one batch."""
    ghosts = "NormPolicy.ghost_batch_size = 4"
    whole, divided = one_device(three_plan(ghosts)), trainer_of(three_plan(ghosts, binding))
    for trainer in (whole, divided):
        next(trainer.steps())
    for path, value in values(divided).items():
        np.testing.assert_allclose(value, values(whole)[path], atol=1e-5, err_msg=path)


def test_kinds_of_one_branch_are_one_batch(three, tiny_model, some_images):
    """Their images share batch statistics; the other branch's don't see them."""
    images, _ = some_images
    model = tiny_model("mixture")
    network = Network(model, kinds={CLEAN: CLEAN, ADV: ADV, "weak": ADV})
    batches = {CLEAN: images, ADV: images + 1, "weak": 255 - images}
    found, _ = network.train_logits(batches)
    assert list(found) == list(batches)
    both = tf.concat([batches[ADV], batches["weak"]], 0)
    by_hand = model(both, mode=NormMode(ADV, "batch"))
    np.testing.assert_allclose(tf.concat([found[ADV], found["weak"]], 0), by_hand, atol=1e-5)
    alone = model(images, mode=NormMode(CLEAN, "batch"))
    np.testing.assert_allclose(found[CLEAN], alone, atol=1e-5)


def test_label_smoothing_reaches_every_kind():
    strategy = Three(0.1, 0.3)
    assert [strategy.smoothing(kind) for kind in strategy.kinds] == [0.3, 0.1, 0.1]


# Of the same network as the others.
SLOW_CHECKS = {"compiles with xla", "has no python state"}


def test_the_kit_builds_its_network_from_what_a_strategy_declares(three):
    for check in testing.checks("strategy", "three"):
        if check.title not in SLOW_CHECKS:
            check()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["three", "three_in_two"])
def test_every_check_of_the_kit_takes_three_kinds(three, name):
    for check in testing.checks("strategy", name):
        check()


def test_a_branch_that_the_norm_lacks_is_refused(three):
    with pytest.raises(UserError, match="trains the branch 'weak', but the norm has clean, adv"):
        one_device(make_plan("mbn", "Experiment.strategy = 'three'"))


@pytest.mark.usefixtures("op_by_op")
def test_a_branch_that_no_images_trained_has_no_result(tmp_path):
    """A mixture BN under adversarial images alone: the clean branch holds its start."""
    trainer = one_device(make_plan("mbn", "Adversarial.clean_ratio = 0.0"))
    record = Session(trainer).evaluate()
    assert list(record["clean"]) == ["adv"]
    assert {row["branch"] for row in record["attacks"]} == {"adv"}
    run = random_run(
        tmp_path, "Adversarial.clean_ratio = 0.0", files=["gin/mbn.gin", "gin/scale/digits.gin"]
    )
    assert run.branches == ("adv",)
    only_clean = make_plan("clean", "Experiment.norm = 'mixture_batch_norm'")
    assert only_clean.branches(one_device(only_clean).model) == ("clean",)
    started = make_plan(
        "clean", "Experiment.norm = 'mixture_batch_norm'", "Experiment.initial_weights = 'x'"
    )
    assert started.branches(one_device(only_clean).model) == ("clean", "adv")


def test_a_strategy_that_makes_other_kinds_than_it_says_is_refused(forget_plugins):
    @STRATEGIES.register("liar")
    class Liar(Three):
        """Declares three kinds, makes two."""

        def training_images(self, network, attack, images, labels, seeds):
            found = super().training_images(network, attack, images, labels, seeds)
            return {kind: found[kind] for kind in (CLEAN, ADV)}

    trainer = one_device(three_plan("Experiment.strategy = 'liar'"))
    with pytest.raises(UserError, match="says that its kinds of images are clean, adv, weak, and"):
        next(trainer.steps())


def test_a_strategy_that_hides_its_attack_is_refused(forget_plugins):
    @STRATEGIES.register("secret")
    class Secret(Strategy):
        """Feeds attacked images as clean ones."""

        branches = (CLEAN,)

        def training_images(self, network, attack, images, labels, seeds):
            return {CLEAN: attack(network.attack_logits_fn(), images, labels, seeds)}

        def loss(self, logits, labels):
            return tf.reduce_mean(self.branch_losses(logits, labels)[CLEAN])

    plan = make_plan("clean", "Experiment.strategy = 'secret'")
    assert plan.threat_model is None
    with pytest.raises(UserError, match="'secret' attacks the model and says that it does not"):
        next(one_device(plan).steps())
