"""What a normalization must keep to where it runs: XLA, replicas, networks and exports."""

import keras
import numpy as np
import tensorflow as tf

from tfadv.models import Model
from tfadv.models.resnet import ResNet
from tfadv.norms.mode import NormMode
from tfadv.testing.faults import require, require_near, values
from tfadv.testing.model_cases import require_all_trained, require_exportable
from tfadv.testing.norm_cases import BATCH, SHAPE, MakeNorm, built, some_maps
from tfadv.testing.replicas import on_each, two_cpus


def a_network(make: MakeNorm) -> Model:
    """Returns a tiny network with the norm, all of its trained variables random."""
    model = ResNet((1, 1), (8, 8, 3), 4, make, width=4, stem="small")
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    return model


def some_images() -> tf.Tensor:
    """Returns float32 images [8, 8, 8, 3] in 0..255."""
    return tf.constant(np.random.default_rng(2).uniform(0, 255, (8, 8, 8, 3)), tf.float32)


def compiles_with_xla(make: MakeNorm) -> None:
    """Compiled, forward and gradient are what they are eagerly."""
    norm = built(make)

    def forward_and_gradient(x):
        results = []
        for mode in (NormMode(), BATCH):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = norm(x, mode=mode)
                loss = tf.reduce_sum(tf.sin(y))
            results += [y, tape.gradient(loss, x)]
        return results

    compiled = tf.function(forward_and_gradient, jit_compile=True, autograph=False)
    for ours, eager in zip(compiled(some_maps()), forward_and_gradient(some_maps()), strict=True):
        require_near(ours, eager, 1e-3, "compiled by XLA it gives other values")


def agrees_across_replicas(make: MakeNorm) -> None:
    """Two replicas end a step with the same statistics: the means of theirs."""
    alone, parts = built(make), [some_maps(3), 2 * some_maps(4)]
    separate = []
    for part in parts:
        copy = built(make)
        for branch in copy.branches:
            copy(part, mode=NormMode(branch, "batch", update=True))
        separate.append(values(copy.variables))
    distribution, mirrored = _mirrored(make, alone)

    def step(part):
        outputs = [
            mirrored(part, mode=NormMode(branch, "batch", update=True))
            for branch in mirrored.branches
        ]
        return outputs[0]

    outputs = on_each(distribution, step, parts)
    for part, output in zip(parts, outputs, strict=True):
        expected = alone(part, mode=NormMode(alone.branches[0], "batch"))
        require_near(output, expected, 1e-4, "a replica normalizes otherwise than a single device")
    for variable, first, second in zip(mirrored.variables, *separate, strict=True):
        for replica in distribution.experimental_local_results(variable.value):
            fault = f"after a step of two replicas '{variable.name}' is no mean of theirs"
            require_near(replica, (first + second) / 2, 1e-4, fault)


def synchronizes_replicas(make: MakeNorm) -> None:
    """With ``across_replicas='sync'`` two halves are normalized as one batch."""
    alone, x = built(make), some_maps(3)
    distribution, mirrored = _mirrored(make, alone)
    mode = NormMode(statistics="batch", across_replicas="sync")
    half = SHAPE[0] // 2
    outputs = on_each(distribution, lambda part: mirrored(part, mode=mode), [x[:half], x[half:]])
    whole = alone(x, mode=BATCH)
    require_near(tf.concat(outputs, 0), whole, 1e-3, "in sync, two replicas are not one batch")


def trains_in_a_network(make: MakeNorm) -> None:
    """A training step's gradients are finite and reach all that its branch has."""
    require_all_trained(a_network(make), some_images())


def survives_the_export(make: MakeNorm) -> None:
    """As a SavedModel of plain TensorFlow it keeps logits and gradients, each branch."""
    require_exportable(a_network(make), some_images())


def has_the_stock_layer_it_says(make: MakeNorm) -> None:
    """Keras' layer that `stock_layer` offers, if any, acts as the norm in inference."""
    norm = built(make)
    for branch in norm.branches:
        offered = norm.stock_layer(branch)
        if offered is None:
            return
        require(not norm.activates, "a norm that activates has no layer of Keras' like it")
        layer, weights = offered
        layer.build(SHAPE)
        layer.set_weights([keras.ops.convert_to_numpy(weight) for weight in weights])
        theirs = layer(some_maps(), training=False)
        ours = norm(some_maps(), mode=NormMode(branch))
        require_near(theirs, ours, 1e-4, f"{type(layer).__name__}, which it offers, acts otherwise")


def _mirrored(make, alone):
    """Returns two replicas and the norm on them, with the variables of `alone`."""
    distribution = two_cpus()
    with distribution.scope():
        mirrored = make()
        mirrored.activated = alone.activated
        mirrored.build((None, *SHAPE[1:]))
        for variable, value in zip(mirrored.variables, values(alone.variables), strict=True):
            variable.assign(value)
    return distribution, mirrored


CHECKS = (
    has_the_stock_layer_it_says,
    compiles_with_xla,
    agrees_across_replicas,
    synchronizes_replicas,
    trains_in_a_network,
    survives_the_export,
)
