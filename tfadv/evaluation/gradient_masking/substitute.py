"""A small network that imitates a model, to attack in its place (Papernot et al., 2017)."""

import keras
import numpy as np
import tensorflow as tf

from tfadv.attacks.balls import BALLS
from tfadv.attacks.threat_model import ThreatModel
from tfadv.data.pipeline import evaluation_batches, evaluation_indices
from tfadv.data.source import Source
from tfadv.pixels import PIXEL_RANGE, LogitsFn
from tfadv.randomness import example_seeds

EXAMPLES, STEPS, BATCH = 1000, 400, 64
_WIDTH = 32


def imitation(
    logits_fn: LogitsFn, source: Source, surroundings: ThreatModel, seed: int
) -> LogitsFn:
    """Trains a convolutional network to give a model's own answers.

    Args:
        logits_fn: the model, of which nothing else is used.
        source: the images to ask it about.
        surroundings: the ball from which half of the questions are drawn, uniformly; the
            others are about the images themselves.
        seed: of the weights, the noise and the order.

    Returns:
        Its logits, as a function of float32 [N, H, W, C] in 0..255.
    """
    count = min(EXAMPLES, len(source))
    indices = evaluation_indices(source, count, seed)
    size = min(BATCH, count)
    batches = evaluation_batches(source, indices, size)
    images = np.concatenate([batch["image"] for batch in batches])
    classify = tf.function(lambda x: tf.argmax(logits_fn(x), -1), autograph=False)
    random = np.random.default_rng(seed)
    noise = BALLS[surroundings.ball].noise
    network = _network(source.image_shape, source.classes, seed)
    optimizer = keras.optimizers.Adam(2e-3)
    optimizer.build(network.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(autograph=False)
    def learn(x, answers):
        with tf.GradientTape() as tape:
            loss = loss_of(answers, network(x))
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    for step in range(STEPS):
        x = images[random.integers(len(images), size=size)]
        x = tf.constant(x, tf.float32)
        if step % 2:
            seeds = example_seeds(seed, "imitation", step * size + tf.range(size, dtype=tf.int64))
            x = tf.clip_by_value(x + noise(seeds, x.shape[1:], surroundings.epsilon), *PIXEL_RANGE)
        learn(x, classify(x))
    return network


def _network(image_shape, classes: int, seed: int) -> keras.Model:
    """Returns three convolutions, two of them strided, without a norm."""
    keras.utils.set_random_seed(seed)
    stride = 2 if max(image_shape) > 16 else 1
    return keras.Sequential(
        [
            keras.Input(image_shape),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(_WIDTH, 3, stride, "same", activation="relu"),
            keras.layers.Conv2D(2 * _WIDTH, 3, stride, "same", activation="relu"),
            keras.layers.Conv2D(2 * _WIDTH, 3, 2, "same", activation="relu"),
            keras.layers.GlobalAveragePooling2D()
            if max(image_shape) > 64
            else keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )
