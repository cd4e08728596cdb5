"""Models that each break one rule, as people do; the conformance kit must name the fault."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tfadv.models.base import Model, as_it_is
from tfadv.models.conv_norm import ConvNorm
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mode import INFERENCE
from tfadv.registry import MODELS


class Small(Model):
    """Two convolutions and a linear classifier, which the others break."""

    def __init__(self, image_shape, classes, make_norm):
        super().__init__(image_shape, classes, 127.5, 127.5, name="small")
        self.first = ConvNorm(4, 3, make_norm(name="norm"), 2, name="first")
        self.second = ConvNorm(8, 3, make_norm(name="norm"), 2, name="second")
        self.head = keras.layers.Dense(classes, name="head")
        self.first.build((None, None, None, image_shape[-1]))
        self.second.build((None, None, None, 4))
        self.head.build((None, 8))
        self.built = True

    @property
    def units(self):
        return [self.first, self.second]

    def forward(self, x, unit, arrange=as_it_is):
        for part in self.units:
            x = unit(part, x)
        return self.head(tf.reduce_mean(tf.cast(x, tf.float32), [1, 2]))


@MODELS.register("ignores_the_branch")
class IgnoresTheBranch(Small):
    """Takes the default branch, whatever the mode names."""

    def call(self, images, training=None, mode=INFERENCE, **named):
        return super().call(images, training, dataclasses.replace(mode, branch=None), **named)


@MODELS.register("forgets_a_norm")
class ForgetsANorm(Small):
    """Calls a unit itself, so that no mode reaches its norm."""

    def forward(self, x, unit, arrange=as_it_is):
        x = unit(self.second, self.first(x))
        return self.head(tf.reduce_mean(tf.cast(x, tf.float32), [1, 2]))


@MODELS.register("forgets_a_branch")
class ForgetsABranch(ForgetsANorm):
    """Does so in inference, too."""


@MODELS.register("updates_unasked")
class UpdatesUnasked(Small):
    """Writes statistics whenever it takes those of a batch."""

    def call(self, images, training=None, mode=INFERENCE, **named):
        mode = dataclasses.replace(mode, update=mode.statistics == "batch")
        return super().call(images, training, mode, **named)


@MODELS.register("takes_any_branch")
class TakesAnyBranch(Small):
    """Takes the default branch for one that it doesn't know."""

    def call(self, images, training=None, mode=INFERENCE, **named):
        if mode.branch not in self.branches:
            mode = dataclasses.replace(mode, branch=None)
        return super().call(images, training, mode, **named)


@MODELS.register("has_norms_of_its_own")
class HasNormsOfItsOwn(Small):
    """Is of batch norms, whatever the run's norm is."""

    def __init__(self, image_shape, classes, make_norm):
        super().__init__(image_shape, classes, BatchNorm)


@MODELS.register("draws_its_weights_itself")
class DrawsItsWeightsItself(Small):
    """Has a generator that no seed reaches."""

    def __init__(self, image_shape, classes, make_norm):
        super().__init__(image_shape, classes, make_norm)
        self.head.bias.assign(np.random.default_rng().normal(size=classes))


@MODELS.register("answers_in_bfloat16")
class AnswersInBfloat16(Small):
    """Returns logits of the convolutions' dtype."""

    def forward(self, x, unit, arrange=as_it_is):
        return tf.cast(super().forward(x, unit, arrange), x.dtype)


@MODELS.register("counts_the_calls")
class CountsTheCalls(Small):
    """Warms up over its calls, as Python counts them."""

    calls = 0

    def forward(self, x, unit, arrange=as_it_is):
        self.calls += 1
        return self.calls * super().forward(x, unit, arrange)


@MODELS.register("is_another_in_a_graph")
class IsAnotherInAGraph(Small):
    """Scales its logits where they are computed at once."""

    def forward(self, x, unit, arrange=as_it_is):
        return (2 if tf.executing_eagerly() else 1) * super().forward(x, unit, arrange)


@MODELS.register("returns_probabilities")
class ReturnsProbabilities(Small):
    """Ends in a softmax."""

    def forward(self, x, unit, arrange=as_it_is):
        return tf.nn.softmax(super().forward(x, unit, arrange))


@MODELS.register("rounds_its_pixels")
class RoundsItsPixels(Small):
    """Rounds pixels to whole numbers, of which there is no gradient."""

    def _normalized(self, images):
        return super()._normalized(tf.round(images))


@MODELS.register("shows_attacks_another")
class ShowsAttacksAnother(Small):
    """Scales the logits that attacks see."""

    def logits_fn(self, *arguments, **named):
        function = super().logits_fn(*arguments, **named)
        return lambda images: 2 * function(images)


@MODELS.register("leaks_across_its_batch")
class LeaksAcrossItsBatch(Small):
    """Centres the logits of a batch."""

    def forward(self, x, unit, arrange=as_it_is):
        logits = super().forward(x, unit, arrange)
        return logits - tf.reduce_mean(logits, 0)


@MODELS.register("keeps_a_number_in_python")
class KeepsANumberInPython(Small):
    """Draws the logits' scale into an attribute, which no checkpoint keeps."""

    def __init__(self, image_shape, classes, make_norm):
        super().__init__(image_shape, classes, make_norm)
        self.scale = float(np.random.uniform(1, 2))  # noqa: NPY002

    def forward(self, x, unit, arrange=as_it_is):
        return self.scale * super().forward(x, unit, arrange)


@MODELS.register("draws_in_every_call")
class DrawsInEveryCall(Small):
    """Noise of TensorFlow's global generator on the logits."""

    def forward(self, x, unit, arrange=as_it_is):
        logits = super().forward(x, unit, arrange)
        return logits + tf.random.normal(tf.shape(logits))


@MODELS.register("names_two_alike")
class NamesTwoAlike(Small):
    """Has two layers of one name."""

    def __init__(self, image_shape, classes, make_norm):
        super().__init__(image_shape, classes, make_norm)
        self.other = keras.layers.Dense(3, name="head")
        self.other.build((None, 8))


@MODELS.register("decays_everything_it_has")
class DecaysEverythingItHas(Small):
    """Takes norms and biases for kernels."""

    @property
    def kernels(self):
        return self.trainable_variables


@MODELS.register("has_a_layer_too_many")
def has_a_layer_too_many(image_shape, classes):
    """Trains a layer that nothing depends on."""
    images = keras.Input(tuple(image_shape))
    x = keras.layers.Rescaling(1 / 255)(images)
    lost = keras.layers.Dense(4, name="lost")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(x))
    logits = keras.layers.Dense(classes, name="head")(x)
    return keras.Model(images, logits + 0.0 * keras.ops.sum(lost, -1, keepdims=True))


# What the kit must say of each, in the check that is there for it.
FAULTS = {
    "model ignores_the_branch": ("keeps branches apart", "changes the logits of branch"),
    "model forgets_a_norm": ("writes the statistics of its branch", "doesn't write first/norm"),
    "model forgets_a_branch": (
        "takes the branch of every norm",
        "branch clean don't depend on first",
    ),
    "model updates_unasked": ("writes nothing unasked", "without update.*collects statistics"),
    "model takes_any_branch": ("refuses what there is not", "takes the branch 'nobody' without a"),
    "model has_norms_of_its_own": (
        "takes any norm",
        "MixtureBatchNorm it has norms of BatchNorm",
    ),
    "model draws_its_weights_itself": ("is made by its seed", "a generator of its own: head/bias"),
    "model answers_in_bfloat16": ("computes in every dtype it says", "the logits are bfloat16"),
    "model counts_the_calls": ("has no python state", "Python attribute 'calls'"),
    "model is_another_in_a_graph": ("survives the export", "exported, branch .* other values"),
    "model returns_probabilities": ("returns logits of any batch", "probabilities, not logits"),
    "model rounds_its_pixels": ("has gradients by its pixels", "no gradient reaches the pixels"),
    "model shows_attacks_another": (
        "is to an attack what it is",
        "another function than the model",
    ),
    "model leaks_across_its_batch": ("keeps images apart", "leaks across it"),
    "model keeps_a_number_in_python": ("keeps all it has in its variables", "none of its `var"),
    "model draws_in_every_call": ("draws by the seed of a call", "with the same seed give other"),
    "model names_two_alike": ("names its variables", "two variables have one path: .*head/kernel"),
    "model decays_everything_it_has": ("says what it is", "among its `kernels`.*(gamma|beta|bias)"),
    "model has_a_layer_too_many": ("trains every weight", "no gradient reaches.*lost/"),
}
