"""What a pipeline makes of what is drawn: targets and weights, of the same bits anywhere."""

import numpy as np
import tensorflow as tf
from shared.tiny_data import random_examples

from tfadv import randomness
from tfadv.data import ArraySource
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.color_jitter import ColorJitter
from tfadv.data.drawing import Drawing, class_weights
from tfadv.data.joined import JoinedImages
from tfadv.data.mixing import Mixing
from tfadv.data.order import Passes, Shared
from tfadv.data.pipeline import Shares, train_batches
from tfadv.data.soft_labels import SoftlyLabelledImages

NAMES = ["a", "b", "c", "d"]
FIRST = ArraySource("first", *random_examples(20), NAMES)
SOFT = np.random.default_rng(1).dirichlet(np.ones(4), 9).astype(np.float32)
SECOND = SoftlyLabelledImages("second", random_examples(9, seed=1)[0], SOFT, NAMES)
BOTH = JoinedImages(FIRST, SECOND)
WEIGHTS = np.float32([0.5, 1, 2, 4])
AUGMENTATION = CropAndFlip(padding=1, flip=True)
ORDER = Shared(Passes(20, 3), Passes(9, 3, "extra order"), 20, batch_size=8, of_second=4)


def batches(drawing, shares=None, start=0, steps=6, source=BOTH, augmentation=AUGMENTATION):
    shares = shares or Shares()
    made = train_batches(source, augmentation, 8, shares, 3, start, drawing)
    found = list(made.take(steps * shares.here).as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}


def test_mixed_images_targets_and_weights_are_those_of_numpy():
    mixing = Mixing(0.4, 1.0, probability=0.9)
    drawing = Drawing(ORDER, 20, 3, mixing, WEIGHTS)
    found = batches(drawing)
    index = tf.range(48, dtype=tf.int64)
    pixels = np.concatenate([FIRST._images, SECOND._images]).astype(np.float32)
    labels = np.concatenate([np.eye(4)[FIRST.labels], SOFT])
    own, seeds = ORDER(index).numpy(), randomness.example_seeds(3, "augmentation", index)
    others, mixing_seeds = drawing.partners(index)
    for n, (mine, other) in enumerate(zip(own, others.numpy(), strict=True)):
        second = AUGMENTATION(
            tf.constant(pixels[other]), randomness.for_purpose(seeds[n], "partner")
        )
        first = AUGMENTATION(tf.constant(pixels[mine]), seeds[n])
        image, share = mixing(first, lambda second=second: second, mixing_seeds[n])
        share = share.numpy()
        target = share * labels[mine] + (1 - share) * labels[other]
        np.testing.assert_allclose(found["image"][n], image, atol=1e-4)
        np.testing.assert_allclose(found["target"][n], target, atol=1e-6)
        np.testing.assert_allclose(found["weight"][n], (target * WEIGHTS).sum(), atol=1e-5)
    np.testing.assert_allclose(found["target"].sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(found["label"], found["target"].argmax(-1))
    assert {name: value.dtype.name for name, value in found.items()} == {
        "image": "float32",
        "label": "int32",
        "index": "int64",
        "target": "float32",
        "weight": "float32",
    }


def test_what_is_drawn_depends_on_neither_replicas_nor_the_start():
    drawing = Drawing(ORDER, 20, 3, Mixing(0.4, 1.0), WEIGHTS)
    whole = batches(drawing)
    later, shared = batches(drawing, start=4, steps=2), batches(drawing, Shares(2, 0, 2))
    for name, value in whole.items():
        np.testing.assert_array_equal(later[name], value[32:])
        by_share = value.reshape(6, 4, 2, *value.shape[1:]).swapaxes(1, 2)
        np.testing.assert_array_equal(shared[name], by_share.reshape(value.shape))
    opened = drawing.opened_in_step(2, 8)
    np.testing.assert_array_equal(opened[:8], ORDER(tf.range(16, 24, dtype=tf.int64)))
    assert len(opened) == 16


def test_a_second_view_is_made_of_the_first():
    view = ColorJitter()
    drawing = Drawing(Passes(20, 3), 20, 3, view=view)
    found, index = batches(drawing, source=FIRST), tf.range(48, dtype=tf.int64)
    seeds = randomness.for_purpose(randomness.example_seeds(3, "augmentation", index), "view")
    for image, seed, seen in zip(found["image"], seeds, found["view"], strict=True):
        np.testing.assert_allclose(seen, view(tf.constant(image, tf.float32), seed), atol=1e-3)
    np.testing.assert_array_equal(found["image"], batches(None, source=FIRST)["image"])
    later = batches(drawing, start=4, steps=2, source=FIRST)
    np.testing.assert_array_equal(later["view"], found["view"][32:])


def test_without_any_of_it_a_pipeline_is_as_it_was():
    """The same elements, and not an operation more."""

    def operations(drawing):
        made = train_batches(FIRST, AUGMENTATION, 8, Shares(), 3, 0, drawing)
        graph = tf.compat.v1.GraphDef.FromString(made._as_serialized_graph().numpy())
        bodies = [node.op for function in graph.library.function for node in function.node_def]
        return sorted(bodies)

    plain, nothing = batches(None, source=FIRST), Drawing(Passes(20, 3), 20, 3)
    assert set(plain) == {"image", "label", "index"}
    assert operations(None) == operations(nothing)
    assert not {"StatelessRandomGammaV3", "OneHot", "ArgMax"} & {*operations(None)}


def test_weights_have_the_mean_1_over_what_is_drawn():
    shares = np.array([0.5, 0.3, 0.2, 0.0])
    balanced = class_weights(None, shares)
    np.testing.assert_allclose(balanced * shares, [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-6)
    stated = class_weights(np.array([1, 2, 4, 8.0]), shares)
    np.testing.assert_allclose(stated, np.array([1, 2, 4, 8]) / 1.9, rtol=1e-6)
    drawing = Drawing(Passes(20, 3), 20, 3, class_weights=class_weights(None, FIRST.class_shares))
    assert batches(drawing, source=FIRST, steps=5)["weight"].mean() == 1
