"""Networks of a few thousand random weights."""

import numpy as np
import tensorflow as tf

from tfadv.models.external import ExternalModel
from tfadv.models.image_form import ImageForm
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.pixels import PIXEL_RANGE

NORMS = {"batch": BatchNorm, "mixture": MixtureBatchNorm, "group": GroupNorm}


def randomize(model):
    """Gives every weight and running statistic a random value, the same each time."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        spread = 0.2 * random.normal(size=variable.shape)
        positive = variable.name in ("gamma", "moving_variance")
        variable.assign(1 + 0.5 * np.tanh(spread) if positive else spread)


def tiny_resnet(norm, blocks=(1, 1), stem="small", image_shape=(8, 8, 3), classes=5):
    """Returns a ResNet of width 4 whose weights and statistics are all random.

    Args:
        norm: 'batch', 'mixture' or 'group'.
        blocks: a number a stage.
        stem: 'small' or 'imagenet'.
        image_shape: height, width and channels.
        classes: number of logits.
    """
    model = ResNet(blocks, image_shape, classes, NORMS[norm], width=4, stem=stem)
    randomize(model)
    return model


def perceptron(pixels, classes, spread=0.4):
    """Returns a smooth function from images [N, …] of so many pixels to logits [N, classes]."""
    random = np.random.default_rng(0)
    inner = random.normal(0, spread, (pixels, 16)).astype("float32")
    outer = random.normal(0, 1, (16, classes)).astype("float32")

    def logits_fn(images):
        return tf.tanh((tf.reshape(images, [-1, pixels]) / 127.5 - 1) @ inner) @ outer

    return logits_fn


def external_model(functions, source):
    """Returns functions of pixels, by branch, as a model made elsewhere of a source's images."""
    form = ImageForm(PIXEL_RANGE)
    return ExternalModel("tiny", functions, source.image_shape, source.classes, form)
