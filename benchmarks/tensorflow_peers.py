"""Targeted PGD from the image itself, by us and by the TensorFlow suites."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.cases import EPSILON, STEP_SIZE, Case
from tfadv.attacks.pgd import PGD
from tfadv.losses import cross_entropy

Attack = Callable[[], np.ndarray]


def tfadv(case: Case, steps: int, dtype: str) -> Attack:
    """Ours, as an evaluation runs it: folded, weights constant, one graph loop."""
    logits_fn = case.model.logits_fn(dtype=dtype, constant=True)
    attack = PGD(EPSILON, steps, STEP_SIZE)
    images, targets = tf.constant(case.images), tf.constant(case.targets)

    @tf.function(autograph=False)
    def run(images):
        return attack.descend(logits_fn, images, images, lambda y: cross_entropy(y, targets))

    return lambda: run(images).numpy()


def keras_graph_loop(case: Case, steps: int) -> Attack:
    """What a competent user writes: a Keras model and a loop in a tf.function."""
    images, targets = tf.constant(case.images), tf.constant(case.targets)

    @tf.function
    def run(images):
        x = images
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                tape.watch(x)
                logits = case.stock(x, training=False)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            x = x - STEP_SIZE * tf.sign(tape.gradient(loss, x))
            x = tf.clip_by_value(x, images - EPSILON, images + EPSILON)
            x = tf.clip_by_value(x, 0.0, 255.0)
        return x

    return lambda: run(images).numpy()


def foolbox(case: Case, steps: int, wrapped: bool) -> Attack:
    """Foolbox's LinfPGD on the Keras model, or on it wrapped in a tf.function."""
    import foolbox as fb

    network = tf.function(lambda x: case.stock(x, training=False)) if wrapped else case.stock
    model = fb.TensorFlowModel(network, bounds=(0, 255))
    attack = fb.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=steps, random_start=False)
    # EagerPy with NumPy 2 wants 64-bit labels.
    criterion = fb.criteria.TargetedMisclassification(tf.constant(case.targets, tf.int64))
    images = tf.constant(case.images)
    return lambda: attack.run(model, images, criterion, epsilon=EPSILON).numpy()


def art(case: Case, steps: int) -> Attack:
    """ART's ProjectedGradientDescentTensorFlowV2."""
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    def network(x, training=False):
        return case.stock(x, training=False)

    classifier = TensorFlowV2Classifier(
        network,
        case.classes,
        case.images.shape[1:],
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0, 255),
    )
    attack = ProjectedGradientDescentTensorFlowV2(
        classifier,
        eps=EPSILON,
        eps_step=STEP_SIZE,
        max_iter=steps,
        targeted=True,
        batch_size=case.batch,
        verbose=False,
    )
    return lambda: attack.generate(case.images, case.targets)


def cleverhans(case: Case, steps: int) -> Attack:
    """CleverHans' projected_gradient_descent."""
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    images, targets = tf.constant(case.images), tf.constant(case.targets)

    def run():
        return projected_gradient_descent(
            case.stock,
            images,
            EPSILON,
            STEP_SIZE,
            steps,
            np.inf,
            clip_min=0.0,
            clip_max=255.0,
            y=targets,
            targeted=True,
            rand_init=False,
            sanity_checks=False,
        ).numpy()

    return run
