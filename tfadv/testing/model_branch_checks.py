"""What a model must keep to in training: norm branches, statistics, gradients, XLA."""

import unittest

import numpy as np
import tensorflow as tf

from tfadv.models.classifier import Trainable
from tfadv.norms.base import write_statistics
from tfadv.norms.mode import NormMode
from tfadv.testing.faults import require, require_near, require_untouched, values
from tfadv.testing.model_cases import (
    BRANCHES,
    MakeModel,
    built,
    gradients,
    mixture,
    require_all_trained,
    some_images,
)


def with_branches(make: MakeModel) -> Trainable:
    """Returns a model with a mixture norm.

    Raises:
        ConformanceError: it has norms, and not their branches.
        SkipTest: it has no norm at all.
    """
    model = built(make, mixture)
    if not model.norms:
        raise unittest.SkipTest("it has no norm of the run")
    fault = f"its norms have the branches {', '.join(BRANCHES)}, and it has {model.branches}"
    require(tuple(model.branches) == BRANCHES, fault)
    return model


def _owned(model: Trainable, branch: str) -> list:
    return [variable for variable in model.variables if f"/{branch}/" in f"/{variable.path}/"]


def keeps_branches_apart(make: MakeModel) -> None:
    """What is written or learned in one branch changes no other's logits, to the bit."""
    model = with_branches(make)
    x = some_images(model)
    for trained in model.branches:
        others = [branch for branch in model.branches if branch != trained]
        before = {branch: _both_ways(model, x, branch) for branch in others}
        model(some_images(model, 5), mode=NormMode(trained, "batch", update=True))
        for variable in _owned(model, trained):
            variable.assign(variable * 1.5 + 0.1)
        for branch, old in before.items():
            fault = f"what is trained in branch {trained} changes the logits of branch {branch}"
            require_near(_both_ways(model, x, branch), old, 0.0, fault)


def _both_ways(model: Trainable, x: tf.Tensor, branch: str) -> tf.Tensor:
    """Returns the logits of images as evaluation and as attacks have them, [2, N, K]."""
    mode = NormMode(branch)
    return tf.stack([model(x, mode=mode), model.logits_fn(mode)(x)])


def takes_the_branch_of_every_norm(make: MakeModel) -> None:
    """A branch's logits depend on each norm's own variables of that branch."""
    model = with_branches(make)
    x = some_images(model)
    for branch in model.branches:
        mode = NormMode(branch)
        before = model(x, mode=mode)
        for beta in (v for v in _owned(model, branch) if v.name == "beta"):
            kept = values([beta])[0]
            beta.assign(kept + np.linspace(0.5, 1.5, kept.size).reshape(kept.shape))
            moved = not np.array_equal(model(x, mode=mode), before)
            beta.assign(kept)
            require(moved, f"the logits of branch {branch} don't depend on {beta.path}")


def writes_nothing_unasked(make: MakeModel) -> None:
    """Inference, batch statistics without `update` and attacks change no variable."""
    model = built(make, mixture)
    x, before = some_images(model), values(model.variables)
    for branch in model.branches:
        for mode in (NormMode(branch), NormMode(branch, "batch")):
            model(x, mode=mode)
            model.logits_fn(mode)(x)
            _, collected = model(x, mode=mode, collect=True)
            require(not collected, f"a call without update ({mode}) collects statistics")
    require_untouched(model.variables, before, "a call without update writes, as an attack would")


def writes_the_statistics_of_its_branch(make: MakeModel) -> None:
    """An update moves every norm's statistics of its branch, and nothing else, at once or later."""
    for branch in BRANCHES:
        mode = NormMode(branch, "batch", update=True)
        at_once, later = with_branches(make), with_branches(make)
        x, before = some_images(later, 5), values(later.variables)
        at_once(x, mode=mode)
        _, collected = later(x, mode=mode, collect=True)
        require_untouched(later.variables, before, "a call with `collect` writes at once")
        write_statistics(later.norms, collected, "mean")
        statistics = [v for v in _owned(at_once, branch) if not v.trainable]
        written = {variable.path for variable in statistics}
        for variable, old, other in zip(at_once.variables, before, later.variables, strict=True):
            fault = f"{variable.path} written at once is another than collected"
            require_near(variable, other, 1e-6, fault)
            moved, wanted = not np.array_equal(variable, old), variable.path in written
            says = "doesn't write" if wanted else "writes"
            require(moved == wanted, f"an update in branch {branch} {says} {variable.path}")


def trains_every_weight(make: MakeModel) -> None:
    """Gradients of a training forward are finite and reach all that its branch has, alone."""
    model = built(make, mixture)
    x = some_images(model)
    require_all_trained(model, x)
    for branch in model.branches:
        mode = NormMode(branch, "batch")
        reached = gradients(model, lambda m=mode: tf.reduce_sum(tf.sin(model(x, mode=m))))
        others = [
            weight.path
            for other in model.branches
            for weight in _owned(model, other)
            if other != branch and weight.path in reached
        ]
        fault = f"the loss of branch {branch} has a gradient by {', '.join(others)}"
        require(not others, fault)


def compiles_with_xla(make: MakeModel) -> None:
    """A training forward and backward, compiled, give what they give eagerly."""
    model = built(make)
    x = some_images(model)
    weights = [weight.value for weight in model.trainable_variables]

    def step(images):
        with tf.GradientTape() as tape:
            mode = NormMode(statistics="batch", update=True)
            logits, collected = model(images, mode=mode, collect=True)
            loss = tf.reduce_sum(tf.sin(logits))
        slopes = tape.gradient(loss, weights, unconnected_gradients="zero")
        return logits, slopes, collected

    compiled = tf.function(step, jit_compile=True, autograph=False)(x)
    eager = tf.nest.flatten(step(x))
    for ours, expected in zip(tf.nest.flatten(compiled), eager, strict=True):
        require_near(ours, expected, 1e-2, "compiled by XLA it gives other values")


CHECKS = (
    keeps_branches_apart,
    takes_the_branch_of_every_norm,
    writes_nothing_unasked,
    writes_the_statistics_of_its_branch,
    trains_every_weight,
    compiles_with_xla,
)
