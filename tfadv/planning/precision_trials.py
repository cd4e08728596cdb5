"""Calls of a run's own network that tell in which dtype this machine computes it faster.

They change nothing: no variable is written, nothing is drawn, and what they take is freed.
"""

import dataclasses
import datetime
import gc
import statistics
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

import tfadv
from tfadv.attacks.gradients import with_input_gradient
from tfadv.config.training_settings import DTYPES
from tfadv.devices.local import compiles, computing_device, has_accelerator, machine
from tfadv.losses import cross_entropy
from tfadv.models.classifier import Classifier
from tfadv.norms import NormPhase
from tfadv.norms.mode import NormMode
from tfadv.planning.dtype_choice import Measured
from tfadv.planning.plan import Plan
from tfadv.planning.resolution import image_sizes
from tfadv.planning.workload import TRAINING_PASSES, measure_forward
from tfadv.strategies import Network

Call = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

_SECONDS = 2.0  # that timing takes, where calls are no longer than a few tenths
_ROUNDS = 3, 25  # at least and at most
# A call on a CPU is of so many operations, some tenths of a second, or of so many images.
_OPERATIONS, _IMAGES = 8e10, 8
# Other processes take a CPU's time, but hardly change how much of it a call needs.
_CLOCKS = {"CPU time": time.process_time, "time": time.perf_counter}


@dataclasses.dataclass(frozen=True)
class Trial:
    """A call of a network, to be timed in each dtype.

    Attributes:
        what: it is, for people.
        model: the network.
        images: that a replica computes at once.
        size: their height and width; None takes the network's.
        make: returns the call in a dtype: of images and labels, to a scalar.
        how: what its time depends on beside the network, as JSON values.
        jit_compile: whether XLA compiles it.
    """

    what: str
    model: Classifier
    images: int
    size: int | None
    make: Callable[[str], Call]
    how: Mapping[str, object]
    jit_compile: bool = False

    def about(self) -> dict[str, object]:
        """Returns all that the times depend on, as JSON values."""
        model = self.model
        weights = getattr(model, "variables", ())
        return {
            "versions": [tfadv.__version__, tf.__version__, keras.__version__],
            "machine": machine(),
            "network": model.describe() | {"image_shape": list(model.image_shape)},
            "norms": sorted({type(norm).__name__ for norm in model.norms.values()}),
            "weights": [[weight.path, list(weight.shape)] for weight in weights],
            "what": self.what,
            "images": self.images,
            "size": self.size,
            "jit_compile": self.jit_compile,
            **self.how,
        }

    def measure(self) -> Measured:
        """Times the call, the dtypes in turn."""
        count = self._affordable()
        height, width, channels = self.model.image_shape
        shape = (count, self.size or height, self.size or width, channels)
        drawn = np.random.default_rng(0).uniform(0, 255, shape)
        images = tf.constant(drawn, tf.float32)
        labels = tf.range(count) % self.model.classes
        calls = {}
        for dtype in DTYPES:
            traced = tf.function(
                self.make(dtype), autograph=False, jit_compile=self.jit_compile or None
            )
            calls[dtype] = lambda call=traced: call(images, labels).numpy()
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        clock = "time" if has_accelerator() else "CPU time"
        times = medians(calls, _CLOCKS[clock])
        calls.clear()
        gc.collect()  # the graphs and the weights prepared for them
        return Measured(self.what, count, times, clock, computing_device(), today)

    def _affordable(self) -> int:
        """Returns how many of the images are enough to measure with."""
        if has_accelerator():
            return self.images
        operations = TRAINING_PASSES * measure_forward(self.model, self.size)
        return min(self.images, max(_IMAGES, int(_OPERATIONS / max(operations, 1.0))))


def medians(
    calls: Mapping[str, Callable[[], object]], clock: Callable[[], float]
) -> dict[str, float]:
    """Returns the median seconds of some calls that are made in turn, once the first are over."""
    for call in calls.values():
        call()  # traced, and compiled
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    order, (least, most) = list(calls), _ROUNDS
    end = time.perf_counter() + _SECONDS
    for done in range(most):
        if done >= least and time.perf_counter() > end:
            break
        for name in order:
            began = clock()
            calls[name]()
            seconds[name].append(clock() - began)
        order.reverse()
    return {name: statistics.median(values) for name, values in seconds.items()}


def attack_trial(plan: Plan, model: Classifier, images: int) -> Trial | None:
    """Returns the trial of ``Training.attack_dtype``: a gradient by the images, as attacks take it.

    Args:
        plan: of the run.
        model: the plan's.
        images: that a replica computes at once.

    Returns:
        None where nothing is attacked.
    """
    if not plan.strategy.attacks:
        return None
    attacked = [b for b in plan.strategy.attacked_kinds.values() if b in model.branches]
    mode = _phase(plan).attack_mode(next(iter(attacked), None))
    compiled = compiles(getattr(plan.attack, "jit_compile", "auto"))
    return _by_images(model, images, _largest(plan), mode, compiled)


def training_trial(plan: Plan, model: Classifier, images: int) -> Trial:
    """Returns the trial of ``Training.dtype``: a forward and backward of every kind of images."""
    strategy, phase = plan.strategy, _phase(plan)

    def make(dtype: str) -> Call:
        network = Network(model, phase, strategy.kinds, dtype=dtype, attacked_kinds=())

        def call(images, labels):
            weights = [tf.convert_to_tensor(weight) for weight in model.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch(weights)
                known = zip(model.trainable_variables, weights, strict=True)
                with keras.StatelessScope(state_mapping=known):
                    of_kinds = dict.fromkeys(strategy.kinds, images)
                    logits, _ = network.train_logits(of_kinds, tf.zeros([2], tf.int64))
                losses = [cross_entropy(one, labels) for one in logits.values()]
                total = tf.add_n([tf.reduce_sum(loss) for loss in losses])
            found = tape.gradient(total, weights, unconnected_gradients="zero")
            return tf.add_n([tf.reduce_sum(gradient) for gradient in found])

        return call

    how = {"kinds": dict(strategy.kinds), "policy": dataclasses.asdict(phase.policy)}
    what = "a training forward and backward"
    return Trial(what, model, images, _largest(plan), make, how)


def evaluation_trial(model: Classifier, images: int) -> Trial:
    """Returns the trial of ``Evaluation.dtype``: a gradient by the images, as evaluation takes it.

    Args:
        model: to be evaluated.
        images: that a replica computes at once.
    """
    # Not with the weights as constants, which are long to trace and as fast in both dtypes.
    return _by_images(model, images, None, NormMode(model.default_branch), compiles("auto"))


def _by_images(
    model: Classifier, images: int, size: int | None, mode: NormMode, compiled: bool
) -> Trial:
    def make(dtype: str) -> Call:
        logits_fn = model.logits_fn(mode, dtype)  # prepared once, as outside an attack's loop

        def call(images, labels):
            differentiate = with_input_gradient(lambda x: (cross_entropy(logits_fn(x), labels), ()))
            return tf.reduce_sum(differentiate(images)[0])

        return call

    how = {"statistics": mode.statistics}
    return Trial("a gradient", model, images, size, make, how, compiled)


def _phase(plan: Plan) -> NormPhase:
    """Returns how norms act, but that nothing is written and no replica waits for another."""
    policy = dataclasses.replace(plan.norm_policy, attack_update=False, across_replicas="local")
    return NormPhase(policy)


def _largest(plan: Plan) -> int | None:
    return max(filter(None, image_sizes(plan.training)), default=None)
