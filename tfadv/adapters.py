"""Hands a bundle to an outside attack suite, after checking that nothing got lost.

One call each: `foolbox`, `art`, `cleverhans` and `autoattack`. Each takes the
bundle's folder and the images and labels that are to be attacked, and first
checks (1) that those images and labels are what the bundle takes, (2) that the
suite sees the logits and input gradients of the original model on the bundle's
reference images, (3) that the clean accuracy on the given images is that of the
record. Whatever is amiss is a `UserError` before any attack is run.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import config
from tfadv.data.pipeline import some_examples
from tfadv.errors import check_choice
from tfadv.interop.bundle_format import CONFIG, made_by, read_metadata
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.pixels import from_pixels
from tfadv.planning.evaluation_parts import evaluation_parts
from tfadv.runs import identity

# ART's norms of the balls.
_NORMS = {"linf": np.inf, "l2": 2}


def examples(folder: str | Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns test images of the data that a bundle's run was trained on.

    Args:
        folder: the bundle; its data must be on this machine.
        count: how many, drawn by a fixed seed; fewer if there are fewer.

    Returns:
        float32 images [count, H, W, 3] in the bundle's range, int64 labels [count].

    Raises:
        UserError: it is no bundle, its data is not here, or is no longer the same.
    """
    metadata = read_metadata(Path(folder))
    read = config.read([], bundle=Path(folder) / CONFIG)
    parts = evaluation_parts(read)
    identity.check_images(made_by(Path(folder)), read, parts.all_classes, parts.data_digest)
    batch = some_examples(parts.all_classes, count)
    images = from_pixels(batch["image"].numpy(), metadata["pixel_range"])
    return images, batch["label"].numpy().astype(np.int64)


def foolbox(folder: str | Path, images, labels, branch: str | None = None):
    """Returns a ``foolbox.TensorFlowModel`` of a bundle; see the module for the checks.

    Args:
        folder: the bundle.
        images: float [N, H, W, 3] that are to be attacked, in the bundle's range.
        labels: integers [N]. Foolbox 3.3 with NumPy 2 wants its criteria int64.
        branch: which branch; None takes the default one.

    Raises:
        UserError: a check failed.
    """
    import eagerpy
    import foolbox as suite

    loaded = LoadedBundle(folder, branch)
    loaded.check_examples(images, labels)
    model = suite.TensorFlowModel(loaded, bounds=loaded.bounds)
    x, y = (
        eagerpy.astensor(tf.constant(value))
        for value in (loaded.reference_images, loaded.reference_labels.astype(np.int64))
    )

    def loss(x):
        return eagerpy.crossentropy(model(x), y).sum()

    _, gradient = eagerpy.value_and_grad(loss, x)
    loaded.check_suite("Foolbox", model(x).numpy(), gradient.numpy())
    return model


def art(folder: str | Path, images, labels, branch: str | None = None):
    """Returns ART's ``TensorFlowV2Classifier`` of a bundle; see the module for the checks.

    Args:
        folder: the bundle.
        images: float [N, H, W, 3] that are to be attacked, in the bundle's range.
        labels: integers [N].
        branch: which branch; None takes the default one.

    Raises:
        UserError: a check failed.
    """
    from art.estimators.classification import TensorFlowV2Classifier

    loaded = LoadedBundle(folder, branch)
    loaded.check_examples(images, labels)
    classifier = TensorFlowV2Classifier(
        loaded,
        loaded.classes,
        tuple(loaded.metadata["input_shape"]),
        loss_object=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
        clip_values=loaded.bounds,
        channels_first=False,
    )
    x = loaded.reference_images
    one_hot = np.eye(loaded.classes, dtype=np.float32)[loaded.reference_labels]
    gradient = classifier.loss_gradient(x, one_hot)
    loaded.check_suite("ART", classifier.predict(x), gradient)
    return classifier


def cleverhans(folder: str | Path, images, labels, branch: str | None = None) -> Callable:
    """Returns the function of a bundle that CleverHans takes; see the module for the checks.

    Args:
        folder: the bundle.
        images: float [N, H, W, 3] that are to be attacked, in the bundle's range.
        labels: integers [N].
        branch: which branch; None takes the default one.

    Raises:
        UserError: a check failed.
    """
    from cleverhans.tf2.utils import compute_gradient

    loaded = LoadedBundle(folder, branch)
    loaded.check_examples(images, labels)
    x, y = tf.constant(loaded.reference_images), tf.constant(loaded.reference_labels)
    gradient = compute_gradient(
        loaded,
        lambda labels, logits: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits),
        x,
        y,
        targeted=False,
    )
    loaded.check_suite("CleverHans", loaded(x), gradient)
    return loaded


def autoattack(
    folder: str | Path,
    images,
    labels,
    branch: str | None = None,
    epsilon: float | None = None,
    ball: str | None = None,
    batch_size: int = 100,
):
    """Returns ART's ``AutoAttack`` on a bundle: ``.generate(images, labels)``.

    Args:
        folder: the bundle.
        images: float [N, H, W, 3] that are to be attacked, in the bundle's range.
        labels: integers [N].
        branch: which branch; None takes the default one.
        epsilon: radius in the bundle's range; None takes the one it was trained for.
        ball: ``linf`` or ``l2``; None takes the one it was trained for.
        batch_size: images at once.

    Raises:
        UserError: a check failed.
    """
    from art.attacks.evasion import AutoAttack

    classifier = art(folder, images, labels, branch)
    radius = classifier.model.epsilon if epsilon is None else epsilon
    ball = classifier.model.ball if ball is None else ball
    check_choice("ball", ball, _NORMS)
    return AutoAttack(
        classifier, norm=_NORMS[ball], eps=radius, eps_step=radius / 4, batch_size=batch_size
    )
