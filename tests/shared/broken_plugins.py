"""Plugins that each break one rule, as people do; the conformance kit must name the fault."""

import numpy as np
import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.norms.base import Norm
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode
from tfadv.registry import ATTACKS, NORMS, STRATEGIES
from tfadv.strategies import ADV, CLEAN, Strategy
from tfadv.strategies.adversarial import Adversarial

PGD_PARAMETERS = {"epsilon": 8.0, "steps": 4, "step_size": 3.0}


@NORMS.register("writes_in_the_attack")
class WritesInTheAttack(BatchNorm):
    """Updates its statistics in every call on batch statistics, asked or not."""

    def transform(self, x, mode):
        y, statistics = super().transform(x, mode)
        for variable, value in self.updates(statistics):
            variable.assign(value)
        return y, statistics


@NORMS.register("leaks_across_the_batch")
class LeaksAcrossTheBatch(BatchNorm):
    """Batch norm that forgets its running statistics."""

    def affine(self, mode):
        return None


@NORMS.register("drops_gradients")
class DropsGradients(Norm):
    """Takes its moments for constants."""

    def normalize(self, x, mode):
        mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
        return (x - tf.stop_gradient(mean)) * tf.stop_gradient(tf.math.rsqrt(variance + 1e-5))


@NORMS.register("forgets_its_epsilon")
class ForgetsItsEpsilon(Norm):
    """Divides by a deviation that may be 0."""

    def normalize(self, x, mode):
        return x / tf.reduce_mean(tf.abs(x), [1, 2, 3], keepdims=True)


@NORMS.register("counts_in_python")
class CountsInPython(Norm):
    """Warms up over its first hundred calls, as Python counts them."""

    calls = 0

    def normalize(self, x, mode):
        self.calls += 1
        return x * min(1.0, self.calls / 100)


@NORMS.register("draws_in_python")
class DrawsInPython(Norm):
    """Adds NumPy's noise."""

    def normalize(self, x, mode):
        return x + np.random.normal(0, 0.1, x.shape[1:]).astype("float32")  # noqa: NPY002


@NORMS.register("shares_its_branches")
class SharesItsBranches(MixtureBatchNorm):
    """Mixture BN whose branches are one batch norm."""

    def _branch(self, branch):
        return self.norms[0]


@NORMS.register("folds_wrongly")
class FoldsWrongly(BatchNorm):
    """Forgets the mean in its map."""

    def affine(self, mode):
        affine = super().affine(mode)
        return affine and (affine[0], tf.convert_to_tensor(self.beta))


@NORMS.register("forgets_an_argument")
class ForgetsAnArgument(GroupNorm):
    """Keeps another number of groups than it was given."""

    def __init__(self, groups: int = 4, gamma_initializer: str = "ones", name: str | None = None):
        super().__init__(groups, 1e-5, gamma_initializer, name)
        self.groups = 2 * groups


@NORMS.register("leaves_names_to_keras")
class LeavesNamesToKeras(GroupNorm):
    """Has a weight whose name Keras numbers through the process."""

    def build(self, input_shape):
        super().build(input_shape)
        self.factor = self.add_weight((input_shape[-1],), "ones")


@NORMS.register("rounds_too_early")
class RoundsTooEarly(Norm):
    """Takes moments in bfloat16."""

    def call(self, x, mode=None, collect=False):
        mean, variance = tf.nn.moments(x, [1, 2, 3], keepdims=True)
        y = (x - mean) * tf.math.rsqrt(variance + tf.cast(1e-5, x.dtype))
        y = y * tf.cast(self.gamma, x.dtype) + tf.cast(self.beta, x.dtype)
        return (y, {}) if collect else y


class Broken(PGD):
    """PGD with sizes, which the others break."""

    def __init__(self, steps: int = 4, targeted: bool = True):
        super().__init__(**PGD_PARAMETERS | {"steps": steps}, targeted=targeted)


@ATTACKS.register("leaves_the_ball")
class LeavesTheBall(Broken):
    """Starts anywhere in the ball and never looks back."""

    def __call__(self, logits_fn, images, labels, seeds):
        adversarial = super().__call__(logits_fn, images, labels, seeds)
        again = super().__call__(logits_fn, adversarial, labels, seeds)
        return tf.clip_by_value(again, 0.0, 255.0)


@ATTACKS.register("leaves_the_range")
class LeavesTheRange(Broken):
    """Clips to the ball alone."""

    def __call__(self, logits_fn, images, labels, seeds):
        adversarial = super().__call__(logits_fn, images, labels, seeds)
        return images + 1.01 * (adversarial - images) - 0.01


@ATTACKS.register("targets_the_label")
class TargetsTheLabel(Broken):
    """Draws its targets from all the classes."""

    def targets(self, labels, classes, seeds):
        return (labels + self.target_draw(seeds)) % classes


@ATTACKS.register("normalizes_by_the_batch")
class NormalizesByTheBatch(Broken):
    """Scales its steps by the batch's largest gradient."""

    def direction(self, gradient, memory):
        return gradient / tf.reduce_max(tf.abs(gradient)), memory


@ATTACKS.register("unrolls_its_steps")
class UnrollsItsSteps(Broken):
    """A Python loop over the steps."""

    def __call__(self, logits_fn, images, labels, seeds):
        x = images
        for _ in range(self.steps):
            step = PGD(8.0, 1, 3.0, clean_start_probability=1.0)
            x = step(logits_fn, x, labels, seeds)
        return tf.clip_by_value(x, images - 8, images + 8)


@ATTACKS.register("draws_its_own_start")
class DrawsItsOwnStart(Broken):
    """TensorFlow's global generator."""

    def start(self, images, seeds):
        return images + tf.random.uniform(images.shape, -8, 8)


@STRATEGIES.register("drops_a_branch")
class DropsABranch(Adversarial):
    """The adversarial logits are taken for constants."""

    def loss(self, logits, labels):
        return super().loss(logits | {ADV: tf.stop_gradient(logits[ADV])}, labels)


@STRATEGIES.register("sums_over_images")
class SumsOverImages(Adversarial):
    """A sum where a mean is meant, at the batch size of its author."""

    def loss(self, logits, labels):
        losses = self.branch_losses(logits, labels)
        return tf.add_n([tf.reduce_sum(loss) for loss in losses.values()]) / 24


@STRATEGIES.register("weighs_too_much")
class WeighsTooMuch(Adversarial):
    """Adds the two means up."""

    def loss(self, logits, labels):
        losses = self.branch_losses(logits, labels)
        return tf.reduce_mean(losses[CLEAN]) + tf.reduce_mean(losses[ADV])


@STRATEGIES.register("trains_while_it_attacks")
class TrainsWhileItAttacks(Strategy):
    """Attacks the network in its training mode."""

    def training_images(self, network, attack, images, labels, seeds):
        def logits_fn(x):
            return network.model(x, mode=NormMode(ADV, "batch", update=True))

        return {CLEAN: images, ADV: attack(logits_fn, images, labels, seeds)}

    def loss(self, logits, labels):
        return tf.reduce_mean(tf.concat(list(self.branch_losses(logits, labels).values()), 0))


# What the kit must say of each, in the check that is there for it.
FAULTS = {
    "norm writes_in_the_attack": ("writes nothing unasked", "moving_mean.*changed"),
    "norm leaks_across_the_batch": ("keeps images apart", "leaks across the batch"),
    "norm drops_gradients": ("has true gradients", "gradient by the input.*stops it"),
    "norm forgets_its_epsilon": ("stands constant maps", "not finite: is an epsilon missing"),
    "norm counts_in_python": ("has no python state", "Python attribute 'calls'"),
    "norm draws_in_python": ("has no python state", "drawn or counted in Python"),
    "norm shares_its_branches": ("keeps branches apart", "branch clean change.*branch adv"),
    "norm folds_wrongly": ("runs on what it collected", "don't normalize it as its own"),
    "norm leaves_names_to_keras": ("is serializable", "has another path, by which no checkpoint"),
    "norm forgets_an_argument": ("is serializable", "its copy is configured otherwise"),
    "norm rounds_too_early": ("computes in float32", "not normalized in float32"),
    "attack leaves_the_ball": ("stays in its ball", "out of the ball of ε = 8.0"),
    "attack leaves_the_range": ("stays in the pixel range", "out of 0..255"),
    "attack targets_the_label": ("targets wrong classes", "a target is the image's own label"),
    "attack normalizes_by_the_batch": ("treats each image alone", "leaks across the batch"),
    "attack unrolls_its_steps": ("runs in constant memory", "use tf.while_loop"),
    "attack draws_its_own_start": ("is deterministic by its seeds", "generator of its own"),
    "strategy drops_a_branch": ("reaches every kind", "no gradient reaches.*adv"),
    "strategy sums_over_images": ("is a mean over images", "it is no mean"),
    "strategy weighs_too_much": ("has weights that sum to one", "weights sum to one"),
    "strategy trains_while_it_attacks": ("writes nothing while it attacks", "writes variables"),
}
