"""Anybody's Keras model as a `Trainable` classifier: the mode travels with every call."""

import inspect
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv import randomness
from tfadv.devices.local import has_accelerator
from tfadv.models.base import TrainableModel
from tfadv.models.fixed_convolution import batch_inside
from tfadv.models.functional.blocks import Applying, parts_of
from tfadv.models.functional.folding import LinearUnit, folded
from tfadv.models.functional.graph import Apply, Call, Graph, follow, head_of
from tfadv.models.functional.layout import in_any_layout, inside_from, together
from tfadv.models.functional.places import norm_places
from tfadv.models.functional.preparation import Preparation
from tfadv.models.norm_place import NormPlace
from tfadv.norms.base import Collected, Norm, merged, write_statistics
from tfadv.norms.mode import INFERENCE, MAIN, NormMode, chosen_branch
from tfadv.pixels import LogitsFn


class KerasNetwork(TrainableModel):
    """A `Trainable` classifier of float32 RGB images in 0..255, made of a Keras model.

    Maps with positions are computed in the dtype that is asked for, vectors (after the
    pooling) in float32. Layers with weights that are not linear run in float32.

    Attributes:
        graph: as given.
        folded: the same, its linear layers with what is beside them as units.
        prepare: as given.

    Args:
        graph: its layers, with norms of the run.
        prepare: from pixels to what the first layer takes.
        image_shape: (height, width, channels) of the images.
        name: the model's name.
    """

    def __init__(
        self,
        graph: Graph,
        prepare: Preparation,
        image_shape: Sequence[int],
        name: str,
    ):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.image_shape = tuple(image_shape)
        self.classes = graph.logits.shape[-1]
        operations = {id(call.operation): call.operation for call in graph.calls}.values()
        self.parts = [part for part in operations if isinstance(part, keras.layers.Layer)]
        self.prepare = prepare
        self.graph = graph
        self.folded = folded(graph)
        self._parts = parts_of(self.folded)
        self._inside_from = inside_from(self.folded)
        self._head = head_of(graph)
        self._norm = next((part for part in self.parts if isinstance(part, Norm)), None)
        self.built = True

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the norm branches; one branch is called 'main'."""
        return self._norm.branches if self._norm else (MAIN,)

    @property
    def default_branch(self) -> str:
        """The branch of a call that names none: that of its norms."""
        return self._norm.default_branch if self._norm else MAIN

    @property
    def head(self) -> keras.layers.Layer | None:
        """The dense layer that makes the logits; None where another layer does."""
        return self._head

    @property
    def draws_in_training(self) -> bool:
        """Whether a layer draws, such as dropout: it keeps a state that is no weight."""
        return any(len(part.variables) > len(part.weights) for part in self.parts)

    @property
    def has_blocks(self) -> bool:
        """Whether its layers' names tell of blocks."""
        return any(part.is_block for part in self._parts)

    @property
    def norm_places(self) -> list[NormPlace]:
        """The norms by the names of their layers; see `TrainableModel`."""
        return norm_places(self.graph)

    @property
    def variables(self) -> list[keras.Variable]:
        """Weights and running statistics; not the seeds that layers such as dropout keep, since
        here they draw of another."""
        return self.weights

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        """Those of `variables` that no optimizer updates."""
        return self.non_trainable_weights

    def call(
        self,
        images: tf.Tensor,
        training: bool | None = None,
        mode: NormMode = INFERENCE,
        collect: bool = False,
        dtype: str = "float32",
        seed: tf.Tensor | None = None,
        recompute: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, Collected]:
        """Classifies images; see `Model.call`.

        Args:
            seed: integer [2], of what layers such as dropout draw; None has them not act.
        """
        self.refuse_training(training)
        chosen_branch(mode.branch, self.branches, self.default_branch)
        applying = self._applying(mode, dtype, seed)
        values = {id(self.folded.images): self.prepare(tf.convert_to_tensor(images))}
        collections: list[Collected] = []
        if recompute:
            collections += [part.run(values, applying) for part in self._parts]
        else:
            follow(self.folded.calls, values, applying(collections))
        logits, collected = tf.cast(values[id(self.folded.logits)], tf.float32), merged(collections)
        if collect:
            return logits, collected
        if collected:
            write_statistics(self.norms, collected, mode.across_replicas)
        return logits

    def _applying(self, mode: NormMode, dtype: str, seed: tf.Tensor | None) -> Applying:
        """Returns what makes a function that applies calls in training, and notes statistics."""
        places = {id(call): str(place) for place, call in enumerate(self.folded.calls)}

        def applying(collections: list[Collected]) -> Apply:
            def apply(call: Call, arguments: tuple, named: dict):
                operation = call.operation
                if not isinstance(operation, LinearUnit | Norm):
                    own = None if seed is None else randomness.for_purpose(seed, places[id(call)])
                    return _applied(operation, arguments, named, _dtype_of(call, dtype), own)
                x = tf.cast(arguments[0], _dtype_of(call, dtype))
                if isinstance(operation, Norm):
                    y, collected = operation(x, mode=mode, collect=True)
                else:
                    y, collected = operation(x, mode)
                collections.append(collected)
                return y

            return apply

        return applying

    def logits_fn(
        self, mode: NormMode = INFERENCE, dtype: str = "float32", constant: bool = False
    ) -> LogitsFn:
        """Returns the model in one mode as a plain function; see `Model.logits_fn`."""
        chosen_branch(mode.branch, self.branches, self.default_branch)
        ready = [self._ready(call, mode, dtype, constant) for call in self.folded.calls]
        fixed = all(norm.affine(mode) is not None for norm in self.norms.values())
        inside = self._inside_from if fixed and not has_accelerator() else len(ready)
        applied = {
            id(call): (function, place >= inside)
            for place, (call, function) in enumerate(zip(self.folded.calls, ready, strict=True))
        }

        def apply(call: Call, arguments: tuple, named: dict):
            function, may_be_inside = applied[id(call)]
            if may_be_inside:
                plain = isinstance(call.operation, LinearUnit) and call.operation.is_plain
                arguments = (batch_inside(*arguments),) if plain else together(arguments)
            return function(arguments, named)

        return lambda images: tf.cast(
            self.folded.run(self.prepare(tf.convert_to_tensor(images)), apply), tf.float32
        )

    def _ready(self, call: Call, mode: NormMode, dtype: str, constant: bool):
        """Returns a call as a function of its arguments, its weights prepared."""
        operation, dtype = call.operation, _dtype_of(call, dtype)
        if isinstance(operation, LinearUnit):
            unit = operation.fixed(mode, dtype, constant)
            return lambda arguments, _: unit(tf.cast(arguments[0], dtype))
        if isinstance(operation, Norm):
            return _fixed_norm(operation, mode, dtype)
        if of_maps := in_any_layout(operation):
            return lambda arguments, _: of_maps(arguments[0])
        return lambda arguments, named: _applied(operation, arguments, named, dtype, None)


def _fixed_norm(norm: Norm, mode: NormMode, dtype: tf.DType):
    """Returns a norm that no unit took in as a function of its arguments."""
    affine = norm.affine(mode)
    if affine is None:
        return lambda arguments, _: norm(tf.cast(arguments[0], dtype), mode=mode)
    scale, offset = (tf.stop_gradient(tf.cast(part, dtype)) for part in affine)
    return lambda arguments, _: tf.cast(arguments[0], dtype) * scale + offset


def _dtype_of(call: Call, dtype: str) -> tf.DType:
    """Returns what a call computes in: maps with positions in `dtype`, vectors in float32."""
    return tf.as_dtype(dtype if len(call.outputs[0].shape) > 2 else "float32")


def _applied(operation, arguments, named, dtype: tf.DType, seed: tf.Tensor | None):
    """Returns what an operation that no norm is in makes of its arguments."""
    inner = tf.float32 if getattr(operation, "weights", ()) else dtype

    def cast(x):
        floats = isinstance(x, tf.Tensor) and x.dtype.is_floating
        return tf.cast(x, inner) if floats else x

    arguments, named = keras.tree.map_structure(cast, (arguments, named))
    trains = "training" in inspect.signature(operation.call).parameters
    if trains:  # whatever the graph says, which Keras writes into it, too
        named = {**named, "training": seed is not None}
    if seed is None or not (trains and operation.variables):
        return operation.call(*arguments, **named)
    values = [tf.convert_to_tensor(variable) for variable in operation.trainable_variables]
    known = {id(variable) for variable in operation.weights}
    others = [
        tf.convert_to_tensor(v) if id(v) in known else tf.cast(seed, v.dtype)
        for v in operation.non_trainable_variables
    ]
    return operation.stateless_call(values, others, *arguments, **named)[0]
