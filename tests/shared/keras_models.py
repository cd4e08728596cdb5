"""Small Keras models such as others write, and networks made of them."""

import keras
import numpy as np
from keras import layers

from tfadv.models.functional.graph import walk
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.preparation import Preparation
from tfadv.models.functional.replaced import with_norms


def images(count, size=8):
    """Returns float32 images [count, size, size, 3]."""
    return np.random.default_rng(1).normal(size=(count, size, size, 3)).astype("float32")


def small_cnn(classes=4):
    """Returns what folds as a whole: convolutions, zero padding, norms, ReLUs, a shortcut."""
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(6, 3, 2, use_bias=True)(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    y = first = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-3)(y))
    y = layers.Conv2D(6, 3, padding="same", use_bias=False)(y)
    y = layers.ReLU()(layers.BatchNormalization()(y) + first)
    y = layers.Concatenate(axis=3)([y, layers.Conv2D(5, 1, activation="relu")(y)])
    return keras.Model(x, layers.Dense(classes)(layers.GlobalAveragePooling2D()(y)))


def kinds_of_layers(classes=4):
    """Returns what folds in every way there is, and what doesn't."""
    x = keras.Input((8, 8, 3))
    y = layers.BatchNormalization(scale=False)(x)
    y = layers.SeparableConv2D(8, 3, padding="same")(y)
    y = layers.BatchNormalization(center=False)(layers.DepthwiseConv2D(3, depth_multiplier=2)(y))
    y = layers.Conv2DTranspose(6, 3, 2, padding="same")(layers.Activation("swish")(y))
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.Conv2D(8, (1, 3), dilation_rate=2, padding="same")(layers.MaxPooling2D()(y))
    y = layers.LayerNormalization()(layers.BatchNormalization()(y))
    y = layers.Conv2D(8, 3, groups=2)(layers.Dropout(0.5)(y))
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    y = layers.Reshape((-1, 8))(layers.Multiply()([y, gate]))
    y = layers.MultiHeadAttention(2, 4)(y, y) + y
    y = layers.BatchNormalization()(layers.Dense(7)(layers.GlobalAveragePooling1D()(y)))
    return keras.Model(x, layers.Dense(classes)(layers.ReLU()(y)))


def randomized(model):
    """Gives a model weights and statistics as training leaves them, and returns it."""
    draw = np.random.default_rng(0)
    for variable in model.weights:
        value = draw.normal(size=variable.shape, scale=0.3)
        positive = "variance" in variable.path or variable.path.endswith("gamma")
        variable.assign(np.abs(value) + 0.5 if positive else value)
    return model


AS_THEY_ARE = Preparation()


def network_of(model, make_norm, replaced=(layers.BatchNormalization,), prepare=AS_THEY_ARE):
    """Returns a Keras model as a network; by default it takes its images as they are."""
    graph = with_norms(walk(model), make_norm, replaced)
    return KerasNetwork(graph, prepare, graph.images.shape[1:], name="mine")
