"""A small problem for the Python API, and one run of it."""

import keras
import numpy as np
import pytest
from keras import layers

import tfadv

IMAGES, CLASSES, SIDE = 48, 3, 6
SETTINGS = {
    "ResNet.blocks": (1,),
    "ResNet.width": 4,
    "Training.steps_per_call": 2,
    "Distribution.kind": "one_device",
}


@pytest.fixture(scope="session")
def examples():
    """Grey images of three classes: bright at the top, in the middle, at the bottom."""
    random = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    images = random.uniform(0, 90, (IMAGES, SIDE, SIDE, 1))
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] += 150
    return images.astype(np.float32), labels


@pytest.fixture(scope="session")
def data(examples):
    """Thirty-two of them to train on, sixteen to evaluate on."""
    images, labels = examples
    return (images[:32], labels[:32]), (images[32:], labels[32:])


@pytest.fixture(scope="session")
def keras_model():
    """A small Keras model with a batch norm, which takes pixels."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ],
        name="small",
    )


def fitted(model, data, **arguments):
    """Returns a run of one epoch of two steps."""
    given = {"attack": tfadv.PGD(16, steps=2, step_size=8), "epochs": 1, "batch_size": 16}
    settings = SETTINGS | arguments.pop("settings", {})
    return tfadv.fit(model, data, settings=settings, **({"quiet": True} | given | arguments))


@pytest.fixture(scope="session")
def run(data, keras_model):
    """A run of the Keras model with two norm branches, in a folder of its own."""
    return fitted(tfadv.robust(keras_model), data, strategy="logit_pairing", validation=8)
