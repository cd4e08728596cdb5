"""What an attack must keep to."""

import json
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import BALLS
from tfadv.attacks.base import Attack
from tfadv.losses import cross_entropy
from tfadv.pixels import PIXEL_RANGE
from tfadv.registry import unbound
from tfadv.testing.faults import (
    require,
    require_near,
    require_no_python_state,
    require_untouched,
    values,
)

MakeAttack = Callable[..., Attack]
CLASSES = 5
SHAPE = (12, 6, 6, 3)
# What float32 loses at 255.
ROUNDING = 1e-4


class Victim:
    """A small smooth network whose logits of an image are the same bits in any batch."""

    def __init__(self):
        random = np.random.default_rng(8)
        self.inner = tf.Variable(random.normal(0, 0.3, (6, 6, 3, 16)), dtype=tf.float32)
        self.outer = tf.Variable(random.normal(0, 1, (16, CLASSES)), dtype=tf.float32)
        self.variables = [self.inner, self.outer]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns logits [N, CLASSES] of images in 0..255, by sums image by image."""
        x = (images - 127.5) / 127.5
        hidden = tf.tanh(tf.reduce_sum(x[..., None] * self.inner, [1, 2, 3]))
        return tf.reduce_sum(hidden[..., None] * self.outer, 1)


def some_examples() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns images of `SHAPE`, pixels at 0 and 255 among them, labels and seeds."""
    random = np.random.default_rng(9)
    pixels = np.clip(random.uniform(-60, 315, SHAPE), *PIXEL_RANGE)
    labels = tf.constant(np.arange(SHAPE[0]) % CLASSES, tf.int32)
    seeds = randomness.example_seeds(0, "attack", tf.range(SHAPE[0]))
    return tf.constant(pixels, tf.float32), labels, seeds


def returns_images(make: MakeAttack) -> None:
    """Adversarial images are float32 and of the images' shape, eagerly and traced."""
    attack, examples = make(), some_examples()
    for run in (attack, _traced(attack)):
        adversarial = run(Victim(), *examples)
        require(adversarial.shape == SHAPE, f"images {SHAPE} come back as {adversarial.shape}")
        require(adversarial.dtype == tf.float32, f"they come back as {adversarial.dtype.name}")
        require(bool(tf.reduce_all(tf.math.is_finite(adversarial))), "they are not finite")


def stays_in_its_ball(make: MakeAttack) -> None:
    """No image moves by more than ε, in the attack's `ball`, whatever the seed."""
    attack = make()
    require(hasattr(attack, "epsilon"), "it doesn't say its radius: an attribute `epsilon`")
    for images, adversarial in _runs(attack):
        farthest = float(tf.reduce_max(_ball(attack).size(adversarial - images)))
        fault = f"an image moves by {farthest:.4g}: out of the ball of ε = {attack.epsilon}"
        require(farthest <= attack.epsilon + ROUNDING, fault)


def stays_in_the_pixel_range(make: MakeAttack) -> None:
    """Every pixel is in 0..255."""
    for _, adversarial in _runs(make()):
        low, high = float(tf.reduce_min(adversarial)), float(tf.reduce_max(adversarial))
        inside = PIXEL_RANGE[0] <= low and high <= PIXEL_RANGE[1]
        require(inside, f"pixels reach {low:.4g}..{high:.4g}, out of 0..255")


def targets_wrong_classes(make: MakeAttack) -> None:
    """A target is a class, is never the label, and every wrong class comes up."""
    attack = make()
    if not attack.targeted:
        return
    labels = tf.constant(np.arange(600) % CLASSES, tf.int32)
    seeds = randomness.example_seeds(1, "attack", tf.range(600))
    targets = np.asarray(attack.targets(labels, CLASSES, seeds))
    classes = bool(np.all((targets >= 0) & (targets < CLASSES)))
    require(classes, f"targets reach {targets.min()}..{targets.max()} of {CLASSES} classes")
    require(not np.any(targets == np.asarray(labels)), "a target is the image's own label")
    pairs = {*zip(np.asarray(labels).tolist(), targets.tolist(), strict=True)}
    require(len(pairs) == CLASSES * (CLASSES - 1), "some wrong class is never a target")


def gets_closer_to_its_goal(make: MakeAttack) -> None:
    """It beats its own start: the loss that it works on gets worse for the model."""
    attack, victim, (images, labels, seeds) = make(), Victim(), some_examples()
    adversarial = attack(victim, images, labels, seeds)

    def goal(images):
        if not attack.targeted:
            return float(tf.reduce_mean(cross_entropy(victim(images), labels)))
        targets = attack.targets(labels, CLASSES, seeds)
        return -float(tf.reduce_mean(cross_entropy(victim(images), targets)))

    before, after = goal(images), goal(adversarial)
    require(after > before, f"the mean loss it works on goes from {before:.4g} to {after:.4g}")


def touches_no_variable(make: MakeAttack) -> None:
    """The model's variables are what they were."""
    victim = Victim()
    before = values(victim.variables)
    _traced(make())(victim, *some_examples())
    require_untouched(victim.variables, before, "an attack writes the model's variables")


def is_deterministic_by_its_seeds(make: MakeAttack) -> None:
    """The same seeds give the same images, whatever TensorFlow's and NumPy's own seeds are."""
    attack, results = make(), []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        results.append(attack(Victim(), *some_examples()))
    fault = "the same seeds give other images: it draws from a generator of its own"
    require_near(results[1], results[0], 0.0, fault)


def treats_each_image_alone(make: MakeAttack) -> None:
    """An image's result doesn't depend on the rest of its batch."""
    attack, victim, examples = make(), Victim(), some_examples()
    together = attack(victim, *examples)
    for part in (slice(0, 5), slice(5, 6)):
        alone = attack(victim, *(tensor[part] for tensor in examples))
        fault = "an image attacked in another batch comes back otherwise: it leaks across the batch"
        require_near(alone, together[part], 1e-5, fault)


def runs_in_constant_memory(make: MakeAttack) -> None:
    """More steps don't make a larger graph, and nothing of a step is kept for the next."""
    sizes = []
    counted = next((n for n in ("steps", "queries") if n in unbound(type(make()))), None)
    if counted is None:
        return
    for steps in (2, 12):
        graph = (
            _traced(make(**{counted: steps}))
            .get_concrete_function(Victim(), *some_examples())
            .graph
        )
        operations = [
            operation
            for function in (graph.as_graph_def(), *graph.as_graph_def().library.function)
            for operation in getattr(function, "node", None) or function.node_def
        ]
        stacks = [o for o in operations if o.op == "TensorListPushBack"]
        require(
            not stacks, "its loop keeps every step for a gradient: open the tape inside the step"
        )
        sizes.append(len(operations))
    fault = f"12 steps make a graph of {sizes[1]} operations, 2 steps {sizes[0]}: use tf.while_loop"
    require(sizes[0] == sizes[1], fault)


def has_no_python_state(make: MakeAttack) -> None:
    """Nothing depends on what Python did while a step was traced."""
    attack, victim, examples = make(), Victim(), some_examples()
    require_no_python_state(attack, lambda: [attack(victim, *examples)])


def compiles_with_xla(make: MakeAttack) -> None:
    """Inside a compiled step it keeps to its ball and range."""
    attack, victim, examples = make(), Victim(), some_examples()
    run = tf.function(lambda *batch: attack(victim, *batch), jit_compile=True, autograph=False)
    adversarial = run(*examples)
    low, high = float(tf.reduce_min(adversarial)), float(tf.reduce_max(adversarial))
    inside = PIXEL_RANGE[0] <= low and high <= PIXEL_RANGE[1]
    farthest = float(tf.reduce_max(_ball(attack).size(adversarial - examples[0])))
    inside &= farthest <= attack.epsilon + ROUNDING
    require(inside, "compiled by XLA it leaves its ball or 0..255")


def tells_what_it_did(make: MakeAttack) -> None:
    """`succeeded` is a bool for each image, `describe` fits a JSON record."""
    attack, (images, labels, seeds) = make(), some_examples()
    success = attack.succeeded(Victim()(images), labels, seeds)
    fits = success.dtype == tf.bool and success.shape == labels.shape
    require(fits, f"succeeded gives {success.dtype.name} {success.shape} for {labels.shape}")
    record = json.loads(json.dumps(attack.describe()))
    require(record.get("targeted") == attack.targeted, f"describe gives {record}")


def _ball(attack: Attack) -> type:
    return BALLS[getattr(attack, "ball", "linf")]


def _traced(attack: Attack):
    return tf.function(
        lambda victim, *batch: attack(victim, *batch), autograph=False, reduce_retracing=False
    )


def _runs(attack: Attack) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    victim, (images, labels, _) = Victim(), some_examples()
    run = _traced(attack)
    for seed in range(4):
        seeds = randomness.example_seeds(seed, "attack", tf.range(SHAPE[0]))
        yield images, run(victim, images, labels, seeds)


CHECKS = (
    returns_images,
    stays_in_its_ball,
    stays_in_the_pixel_range,
    targets_wrong_classes,
    gets_closer_to_its_goal,
    touches_no_variable,
    is_deterministic_by_its_seeds,
    treats_each_image_alone,
    runs_in_constant_memory,
    has_no_python_state,
    compiles_with_xla,
    tells_what_it_did,
)
