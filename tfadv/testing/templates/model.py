"""A network to start from: a function that returns a Functional Keras model."""

PLUGIN = '''"""{name} as a plugin: `import plugins.{name}` in a gin file."""

from collections.abc import Sequence

import keras
from keras import layers

from tfadv.registry import MODELS


@MODELS.register("{name}", paper="Authors, year")
def {name}(
    image_shape: Sequence[int], classes: int, widths: Sequence[int] = (16, 32, 64)
) -> keras.Model:
    """Makes a network of 3x3 convolutions, each after the first of stride 2.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        widths: channels of each convolution.
    """
    images = keras.Input(tuple(image_shape))
    x = layers.Rescaling(1 / 127.5, -1.0)(images)  # of pixels 0..255
    for number, width in enumerate(widths):
        stride = 2 if number else 1
        x = layers.Conv2D(width, 3, stride, "same", use_bias=False, name=f"conv{{number}}")(x)
        x = layers.BatchNormalization(name=f"norm{{number}}")(x)  # becomes the run's norm
        x = layers.ReLU()(x)
    logits = layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(images, logits)
'''
GIN = """# The network {name}: an overlay for any recipe and scale.
import plugins.{name}
Experiment.model = '{name}'
{name}.widths = (16, 32, 64)
"""
