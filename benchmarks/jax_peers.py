"""The same attack and training in JAX, each jitted as a whole, with the weights carried over."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.cases import EPSILON, STEP_SIZE, Case

RATE, MOMENTUM = 1e-3, 0.9
_LAYOUT = ("NHWC", "HWIO", "NHWC")


def weights_of(model) -> tuple[dict, dict]:
    """Returns a ResNet's weights and its running statistics, by units and blocks."""

    def unit(source):
        norm = source.norm
        of = {"kernel": source.kernel, "gamma": norm.gamma, "beta": norm.beta}
        return of, {"mean": norm.moving_mean, "variance": norm.moving_variance}

    def block(source):
        named = {"reduce": source.reduce, "spatial": source.spatial, "expand": source.expand}
        return named | ({"shortcut": source.shortcut} if source.shortcut else {})

    head = {"kernel": model.head.kernel, "bias": model.head.bias}
    units = {"stem": unit(model.stem)}
    for number, source in enumerate(model.blocks):
        units |= {f"{number}/{name}": unit(part) for name, part in block(source).items()}
    trained = {name: pair[0] for name, pair in units.items()} | {"head": head}
    running = {name: pair[1] for name, pair in units.items()}
    return jax.tree.map(lambda variable: jnp.asarray(np.array(variable)), (trained, running))


class Network:
    """A ResNet as a function of its weights.

    Args:
        source: our network, of which this is the architecture.
        dtype: of the convolutions.
    """

    def __init__(self, source, dtype: str = "float32"):
        self._source = source
        self._dtype = dtype
        self._epsilon = source.stem.norm.epsilon

    def __call__(self, trained, running, images, training: bool = False):
        """Returns logits, and the statistics that a training forward leaves."""
        kept = {}

        def unit(name, source, x):
            x, kept[name] = self._unit(trained[name], running[name], source.stride, x, training)
            return jax.nn.relu(x) if source.relu else x

        x = unit("stem", self._source.stem, (images / 127.5 - 1).astype(self._dtype))
        if self._source.pooled_stem:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
        for number, block in enumerate(self._source.blocks):
            y = unit(f"{number}/reduce", block.reduce, x)
            y = unit(f"{number}/expand", block.expand, unit(f"{number}/spatial", block.spatial, y))
            x = unit(f"{number}/shortcut", block.shortcut, x) if block.shortcut else x
            x = jax.nn.relu(x + y)
        pooled = x.astype(jnp.float32).mean((1, 2))
        return pooled @ trained["head"]["kernel"] + trained["head"]["bias"], kept

    def _unit(self, weights, running, stride, x, training):
        kernel = weights["kernel"].astype(self._dtype)
        y = lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", None, None, _LAYOUT)
        mean, variance = running["mean"], running["variance"]
        if training:
            wide = y.astype(jnp.float32)
            mean, variance = wide.mean((0, 1, 2)), wide.var((0, 1, 2))
            running = {"mean": mean, "variance": variance}
        scale = weights["gamma"] * lax.rsqrt(variance + self._epsilon)
        offset = weights["beta"] - mean * scale
        return y * scale.astype(self._dtype) + offset.astype(self._dtype), running


def _losses(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)[:, 0]


def _descended(network, trained, running, images, start, labels, steps, away: float):
    """Returns what PGD comes to: towards the labels, or away from them where `away` is 1."""

    def loss(x):
        return _losses(network(trained, running, x)[0], labels).sum()

    def step(_, x):
        x = x - (1 - 2 * away) * STEP_SIZE * jnp.sign(jax.grad(loss)(x))
        return jnp.clip(jnp.clip(x, images - EPSILON, images + EPSILON), 0, 255)

    return lax.fori_loop(0, steps, step, start)


def attack(case: Case, steps: int, dtype: str) -> Callable[[], np.ndarray]:
    """A targeted PGD loop as JAX users write it: weights as arguments, one jitted function."""
    network = Network(case.model, dtype)
    trained, running = weights_of(case.model)
    images, targets = jnp.asarray(case.images), jnp.asarray(case.targets)

    @jax.jit
    def run(trained, running, images):
        return _descended(network, trained, running, images, images, targets, steps, away=0)

    return lambda: np.asarray(run(trained, running, images))


def training(case: Case, steps: int, dtype: str) -> Callable[[], float]:
    """An adversarial training step: PGD on running statistics, an update on batch statistics."""
    network = Network(case.model, dtype)
    images, labels = jnp.asarray(case.images), jnp.asarray(case.labels)
    trained, running = weights_of(case.model)
    state = [trained, running, jax.tree.map(jnp.zeros_like, trained), jax.random.key(0)]

    @jax.jit
    def step(trained, running, velocity, key):
        key, drawn = jax.random.split(key)
        start = images + jax.random.uniform(drawn, images.shape, minval=-EPSILON, maxval=EPSILON)
        x = _descended(network, trained, running, images, start, labels, steps, away=1)

        def loss(trained):
            logits, kept = network(trained, running, x, training=True)
            return _losses(logits, labels).mean(), kept

        (value, kept), gradients = jax.value_and_grad(loss, has_aux=True)(trained)
        running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, kept)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v - RATE * g, velocity, gradients)
        moved = jax.tree.map(
            lambda w, v, g: w + MOMENTUM * v - RATE * g, trained, velocity, gradients
        )
        return value, moved, running, velocity, key

    def run():
        value, *state[:] = step(*state)
        return float(value)

    return run
