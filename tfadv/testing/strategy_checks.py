"""What a training strategy must keep to."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.attacks.balls import L2Ball
from tfadv.attacks.pgd import PGD
from tfadv.attacks.threat_model import ThreatModel
from tfadv.norms.batch_norm import BatchNorm
from tfadv.pixels import PIXEL_RANGE
from tfadv.strategies import BatchStrategy
from tfadv.testing.faults import (
    changed_share,
    distance,
    require,
    require_near,
    require_no_python_state,
    require_untouched,
    values,
)
from tfadv.testing.strategy_steps import (
    ATTACK,
    CLASSES,
    IMAGES,
    Pass,
    TinyRun,
    some_examples,
)

MakeStrategy = Callable[..., BatchStrategy]


def gives_a_batch_to_each_kind(make: MakeStrategy) -> None:
    """Its images are the batch's first, or their second views: attacked ones within ε of them."""
    strategy = make()
    for ghosts in (1, 2):
        made = TinyRun(strategy).first_pass(some_examples(), ghosts=ghosts).images
        for kind, images in made.items():
            _require_images(strategy, kind, images, ghosts)


def _require_images(strategy: BatchStrategy, kind: str, batch: tf.Tensor, ghosts: int) -> None:
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
    moved = _moved(strategy, batch)
    require(
        moved <= (ATTACK.epsilon + 1e-4 if kind in strategy.attacked_kinds else 0.0),
        f"images of kind {kind} are up to {moved:.4g} from the batch's first {count}",
    )


def _moved(strategy: BatchStrategy, images: tf.Tensor, measure: Callable = distance) -> float:
    """Returns how far images are from the batch's, or from their second views, if it has some."""
    batch = some_examples()
    views = [batch.images, batch.view] if strategy.view else [batch.images]
    return min(measure(images, view[: images.shape[0]]) for view in views)


def keeps_to_the_threat_model(make: MakeStrategy) -> None:
    """Where the run's attack has an L2 ball, so have all the images that it makes."""
    threat = ThreatModel(40.0, "l2")
    attack = PGD.within(threat, steps=3, step_size=20.0)
    strategy = make()
    for kind, images in TinyRun(strategy).first_pass(some_examples(), attack).images.items():
        moved = _moved(strategy, images, lambda x, y: float(tf.reduce_max(L2Ball.size(x - y))))
        require(
            moved <= threat.epsilon + 1e-2,
            f"images of kind {kind} move by {moved:.4g} in L2 where the run has {threat}: make "
            "attacks of its own by `PGD.within(attack.threat_model, …)`",
        )


def says_whether_it_attacks(make: MakeStrategy) -> None:
    """`attacks` is true where it asks for the model as an attack sees it or moves images."""
    strategy = make()
    found = TinyRun(strategy).first_pass(some_examples())
    moves = any(_moved(strategy, images) for images in found.images.values())
    fault = f"its `attacks` is {strategy.attacks}, and it attacks the model: "
    attacks = found.attacked or moves
    require(strategy.attacks == attacks, fault + str(attacks))


def writes_nothing_while_it_attacks(make: MakeStrategy) -> None:
    """Making the images changes no variable."""
    strategy = make()
    for norm in (None, BatchNorm):
        run = TinyRun(strategy, norm)
        before = values(run.model.variables)
        run.first_pass(some_examples())
        require_untouched(run.model.variables, before, "making its images writes variables")


def has_weights_that_sum_to_one(make: MakeStrategy) -> None:
    """Where the network knows nothing (all logits 0), the loss is log K."""
    found = TinyRun(make()).first_pass(some_examples())
    loss = found.loss({kind: tf.zeros((len(x), CLASSES)) for kind, x in found.images.items()})
    require(loss.shape == (), f"the loss has the shape {loss.shape}")
    require(loss.dtype == tf.float32, f"the loss is {loss.dtype.name}")
    fault = (
        f"with all logits 0 the loss is {float(loss):.4g} where cross-entropies whose weights sum "
        f"to one give log {CLASSES} = {math.log(CLASSES):.4g}"
    )
    require_near(loss, math.log(CLASSES), 1e-4, fault)


def is_a_mean_over_images(make: MakeStrategy) -> None:
    """Every image twice makes the same loss."""
    run, batch = TinyRun(make()), some_examples()
    doubled = batch.replaced({n: tf.repeat(v, 2, axis=0) for n, v in batch.tensors.items()})
    once, twice = run.first_pass(batch), run.first_pass(doubled)
    logits = _random_logits(once)
    loss = once.loss(logits)
    again = twice.loss({kind: tf.repeat(y, 2, axis=0) for kind, y in logits.items()})
    require(bool(tf.math.is_finite(loss)), "the loss is not finite")
    require_near(again, loss, 1e-4, "the loss of every image twice is another: it is no mean")


def reaches_every_kind(make: MakeStrategy) -> None:
    """The loss has a gradient by the logits of every kind and of every image."""
    found = TinyRun(make()).first_pass(some_examples())
    logits = _random_logits(found)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = found.loss(logits)
    for kind, gradient in tape.gradient(loss, logits).items():
        require(gradient is not None, f"no gradient reaches the logits of kind {kind}")
        rows = np.any(np.asarray(gradient) != 0, axis=-1)
        fault = f"no gradient reaches {np.sum(~rows)} of {len(rows)} images of kind {kind}"
        require(bool(np.all(rows)), fault)


def trains_every_weight(make: MakeStrategy) -> None:
    """Its gradients are finite and reach the branches that it names, and no other."""
    strategy = make()
    run = TinyRun(strategy)
    step, model = run.step(some_examples()), run.model
    for variable, gradient in zip(step.variables, step.updates[-1].weights, strict=True):
        owner = next((b for b in model.branches if f"/{b}/" in f"/{variable.path}/"), None)
        reached = bool(np.any(np.asarray(gradient)))
        wanted = owner is None or owner in strategy.kinds.values()
        says = "no gradient reaches" if wanted else "a gradient reaches the unused"
        require(reached == wanted, f"{says} {variable.path}")
        finite = bool(tf.reduce_all(tf.math.is_finite(gradient)))
        require(finite, f"the gradient of {variable.path} is not finite")


def counts_as_one_step(make: MakeStrategy) -> None:
    """However often it updates, the run's number of steps rises by one."""
    run = TinyRun(make())
    run.step(some_examples())
    count = int(run.optimizer.iterations)
    require(count == 1, f"after one of its steps the optimizer has counted {count}")


def is_the_same_in_micro_batches(make: MakeStrategy) -> None:
    """Two micro-batches, a ghost batch each, update as one batch of two ghost batches."""
    run, found = TinyRun(make()), []
    before = values(run.model.variables)
    for micro_batches, ghosts in ((1, 2), (2, 1)):
        for variable, value in zip(run.model.variables, before, strict=True):
            variable.assign(value)
        run.step(some_examples(), ghosts, micro_batches)
        found.append(values(run.model.variables))
    for variable, whole, parts in zip(run.model.variables, *found, strict=True):
        fault = f"in two micro-batches {variable.path} gets another value"
        require(changed_share(parts, whole) <= 0.05, fault)


def is_deterministic_by_its_seeds(make: MakeStrategy) -> None:
    """The same seeds give the same images, whatever TensorFlow's and NumPy's own seeds are."""
    run, results = TinyRun(make()), []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        results.append(run.first_pass(some_examples()).images)
    for kind, batch in results[0].items():
        fault = f"the same seeds give kind {kind} other images: it has a generator of its own"
        require(changed_share(results[1][kind], batch) <= 0.05, fault)


def has_no_python_state(make: MakeStrategy) -> None:
    """Nothing depends on what Python did while a step was traced."""
    strategy = make()
    run, batch = TinyRun(strategy), some_examples()
    logits = _random_logits(run.first_pass(batch))
    require_no_python_state(strategy, lambda: [run.first_pass(batch).loss(logits)])
    require_no_python_state(
        strategy,
        lambda: list(run.first_pass(batch).images.values()),
        rounding=0.05,
    )


def compiles_with_xla(make: MakeStrategy) -> None:
    """Its whole step compiles with fixed shapes, as a TPU asks."""
    run = TinyRun(make())

    def step(tensors):
        done = run.step(some_examples().replaced(tensors))
        return done.updates[-1].metrics["loss"], done.updates[-1].weights

    compiled = tf.function(step, jit_compile=True, autograph=False)
    loss, gradients = compiled(some_examples().tensors)
    for value in (loss, *gradients):
        finite = bool(tf.reduce_all(tf.math.is_finite(value)))
        require(finite, "compiled by XLA the loss or its gradient is not finite")


def _random_logits(found: Pass) -> dict[str, tf.Tensor]:
    random = np.random.default_rng(4)
    return {
        kind: tf.constant(random.normal(size=(len(batch), CLASSES)), tf.float32)
        for kind, batch in found.images.items()
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
    counts_as_one_step,
    is_the_same_in_micro_batches,
    is_deterministic_by_its_seeds,
    has_no_python_state,
    compiles_with_xla,
)
