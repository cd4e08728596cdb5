"""What a training strategy must keep to."""

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import L2Ball
from tfadv.attacks.pgd import PGD
from tfadv.attacks.threat_model import ThreatModel
from tfadv.models import Model
from tfadv.models.resnet import ResNet
from tfadv.norms import NormPhase
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.pixels import PIXEL_RANGE
from tfadv.strategies import ADV, CLEAN, Network, Strategy
from tfadv.testing.faults import (
    changed_share,
    distance,
    require,
    require_near,
    require_no_python_state,
    require_untouched,
    values,
)

MakeStrategy = Callable[..., Strategy]
CLASSES = 4
IMAGES = 12
ATTACK = PGD(epsilon=8.0, steps=2, step_size=4.0)
Images = dict[str, tf.Tensor]


def a_network(strategy: Strategy, norm: Callable | None = None) -> Model:
    """Returns a tiny network, all of its trained variables random.

    Args:
        strategy: the branches of its kinds are the norm's, beside the paper's two.
        norm: None takes a mixture BN.
    """
    branches = tuple(dict.fromkeys([CLEAN, ADV, *strategy.kinds.values()]))
    norm = norm or functools.partial(MixtureBatchNorm, branches)
    model = ResNet((1,), (8, 8, 3), CLASSES, norm, width=4, stem="small")
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    return model


def some_examples() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns images [12, 8, 8, 3] in 0..255, labels and seeds."""
    pixels = np.random.default_rng(3).uniform(0, 255, (IMAGES, 8, 8, 3))
    labels = tf.constant(np.arange(IMAGES) % CLASSES, tf.int32)
    seeds = randomness.example_seeds(0, "attack", tf.range(IMAGES))
    return tf.constant(pixels, tf.float32), labels, seeds


def gives_a_batch_to_each_kind(make: MakeStrategy) -> None:
    """Its images are the first of the batch: clean ones unchanged, the others within ε."""
    strategy = make()
    model = a_network(strategy)
    images, labels, seeds = some_examples()
    for ghosts in (1, 2):
        network = Network(model, NormPhase(ghost_batches=ghosts), strategy.kinds)
        batches = strategy.training_images(network, ATTACK, images, labels, seeds)
        named = set(batches) == set(strategy.kinds)
        require(named, f"images come for {set(batches)}, its kinds are {set(strategy.kinds)}")
        for kind, batch in batches.items():
            _require_images(kind, batch, images, ghosts)


def _require_images(kind: str, batch: tf.Tensor, images: tf.Tensor, ghosts: int) -> None:
    count = batch.shape[0]
    require(count and count <= IMAGES, f"kind {kind} gets {count} of {IMAGES} images")
    require(
        count % ghosts == 0,
        f"kind {kind} gets {count} images, which {ghosts} ghost batches don't divide",
    )
    require(batch.dtype == tf.float32, f"kind {kind} gets {batch.dtype.name}")
    low, high = float(tf.reduce_min(batch)), float(tf.reduce_max(batch))
    inside = PIXEL_RANGE[0] <= low and high <= PIXEL_RANGE[1]
    require(inside, f"pixels of kind {kind} reach {low:.4g}..{high:.4g}, out of 0..255")
    moved = distance(batch, images[:count])
    require(
        moved <= (0.0 if kind == CLEAN else ATTACK.epsilon + 1e-4),
        f"images of kind {kind} are up to {moved:.4g} from the batch's first {count}",
    )


def keeps_to_the_threat_model(make: MakeStrategy) -> None:
    """Where the run's attack has an L2 ball, so have all the images that it makes."""
    strategy = make()
    network = Network(a_network(strategy), kinds=strategy.kinds)
    threat = ThreatModel(40.0, "l2")
    attack = PGD.within(threat, steps=3, step_size=20.0)
    images, labels, seeds = some_examples()
    found = strategy.training_images(network, attack, images, labels, seeds)
    for kind, batch in found.items():
        moved = float(tf.reduce_max(L2Ball.size(batch - images[: batch.shape[0]])))
        require(
            moved <= threat.epsilon + 1e-2,
            f"images of kind {kind} move by {moved:.4g} in L2 where the run has {threat}: make "
            "attacks of its own by `PGD.within(attack.threat_model, …)`",
        )


def says_whether_it_attacks(make: MakeStrategy) -> None:
    """`attacks` is true where it asks for the model as an attack sees it, and nowhere else."""
    strategy = make()
    network = Network(a_network(strategy), kinds=strategy.kinds)
    strategy.training_images(network, ATTACK, *some_examples())
    fault = f"its `attacks` is {strategy.attacks}, and it asks for the model to attack: "
    require(strategy.attacks == network.attacked, fault + str(network.attacked))


def writes_nothing_while_it_attacks(make: MakeStrategy) -> None:
    """Making the images changes no variable."""
    strategy = make()
    for norm in (None, BatchNorm):
        model = a_network(strategy, norm)
        network, before = Network(model, kinds=strategy.kinds), values(model.variables)
        strategy.training_images(network, ATTACK, *some_examples())
        require_untouched(model.variables, before, "making its images writes variables")


def has_weights_that_sum_to_one(make: MakeStrategy) -> None:
    """Where the network knows nothing (all logits 0), the loss is log K."""
    strategy, labels = make(), some_examples()[1]
    logits = {kind: tf.zeros((len(batch), CLASSES)) for kind, batch in _images(strategy).items()}
    loss = strategy.loss(logits, labels)
    require(loss.shape == (), f"the loss has the shape {loss.shape}")
    require(loss.dtype == tf.float32, f"the loss is {loss.dtype.name}")
    fault = (
        f"with all logits 0 the loss is {float(loss):.4g} where cross-entropies whose weights sum "
        f"to one give log {CLASSES} = {math.log(CLASSES):.4g}"
    )
    require_near(loss, math.log(CLASSES), 1e-4, fault)


def is_a_mean_over_images(make: MakeStrategy) -> None:
    """Every image twice makes the same loss."""
    strategy, labels = make(), some_examples()[1]
    logits = _random_logits(strategy)
    twice = {kind: tf.repeat(y, 2, axis=0) for kind, y in logits.items()}
    loss, doubled = strategy.loss(logits, labels), strategy.loss(twice, tf.repeat(labels, 2))
    require(bool(tf.math.is_finite(loss)), "the loss is not finite")
    require_near(doubled, loss, 1e-4, "the loss of every image twice is another: it is no mean")


def reaches_every_kind(make: MakeStrategy) -> None:
    """The loss has a gradient by the logits of every kind and of every image."""
    strategy, labels = make(), some_examples()[1]
    logits = _random_logits(strategy)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = strategy.loss(logits, labels)
    for kind, gradient in tape.gradient(loss, logits).items():
        require(gradient is not None, f"no gradient reaches the logits of kind {kind}")
        rows = np.any(np.asarray(gradient) != 0, axis=-1)
        fault = f"no gradient reaches {np.sum(~rows)} of {len(rows)} images of kind {kind}"
        require(bool(np.all(rows)), fault)


def trains_every_weight(make: MakeStrategy) -> None:
    """In a step its gradients are finite and reach the branches that it names, and no other."""
    strategy = make()
    model = a_network(strategy)
    images, labels, seeds = some_examples()
    network = Network(model, kinds=strategy.kinds)
    batches = strategy.training_images(network, ATTACK, images, labels, seeds)
    with tf.GradientTape() as tape:
        loss = strategy.loss(network.train_logits(batches)[0], labels)
    weights = [variable.value for variable in model.trainable_variables]
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, weights), strict=True
    ):
        owner = next((b for b in model.branches if f"/{b}/" in f"/{variable.path}/"), None)
        reached = gradient is not None and bool(np.any(np.asarray(gradient)))
        wanted = owner is None or owner in strategy.kinds.values()
        says = "no gradient reaches" if wanted else "a gradient reaches the unused"
        require(reached == wanted, f"{says} {variable.path}")
        finite = not reached or bool(tf.reduce_all(tf.math.is_finite(gradient)))
        require(finite, f"the gradient of {variable.path} is not finite")


def is_deterministic_by_its_seeds(make: MakeStrategy) -> None:
    """The same seeds give the same images, whatever TensorFlow's and NumPy's own seeds are."""
    strategy, results = make(), []
    model = a_network(strategy)
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        results.append(_images(strategy, model))
    for kind, batch in results[0].items():
        fault = f"the same seeds give kind {kind} other images: it has a generator of its own"
        require(changed_share(results[1][kind], batch) <= 0.05, fault)


def has_no_python_state(make: MakeStrategy) -> None:
    """Nothing depends on what Python did while a step was traced."""
    strategy, labels, logits = make(), some_examples()[1], _random_logits(make())
    require_no_python_state(strategy, lambda: [strategy.loss(logits, labels)])
    model = a_network(strategy)
    require_no_python_state(
        strategy, lambda: list(_images(strategy, model).values()), rounding=0.05
    )


def compiles_with_xla(make: MakeStrategy) -> None:
    """Its whole forward and backward compile with fixed shapes, as a TPU asks."""
    strategy = make()
    model = a_network(strategy)

    def step(images, labels, seeds):
        network = Network(model, kinds=strategy.kinds)
        batches = strategy.training_images(network, ATTACK, images, labels, seeds)
        with tf.GradientTape() as tape:
            loss = strategy.loss(network.train_logits(batches)[0], labels)
        return loss, tape.gradient(loss, model.head.kernel.value)

    compiled = tf.function(step, jit_compile=True, autograph=False)(*some_examples())
    for value in compiled:
        finite = bool(tf.reduce_all(tf.math.is_finite(value)))
        require(finite, "compiled by XLA the loss or its gradient is not finite")


def _images(strategy: Strategy, model: Model | None = None) -> Images:
    network = Network(model or a_network(strategy), kinds=strategy.kinds)
    return strategy.training_images(network, ATTACK, *some_examples())


def _random_logits(strategy: Strategy) -> Images:
    random = np.random.default_rng(4)
    return {
        kind: tf.constant(random.normal(size=(len(batch), CLASSES)), tf.float32)
        for kind, batch in _images(strategy).items()
    }


CHECKS = (
    gives_a_batch_to_each_kind,
    keeps_to_the_threat_model,
    says_whether_it_attacks,
    writes_nothing_while_it_attacks,
    has_weights_that_sum_to_one,
    is_a_mean_over_images,
    reaches_every_kind,
    trains_every_weight,
    is_deterministic_by_its_seeds,
    has_no_python_state,
    compiles_with_xla,
)
