"""How a network's units are computed: in a training forward, and many times by fixed weights."""

from collections.abc import Callable, Sequence
from typing import Protocol

import tensorflow as tf

from tfadv.models.alike import Traces, traces_of
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.fixed_convolution import FixedConvolution
from tfadv.models.recompute import recomputed
from tfadv.norms.base import Collected, merged, norms_in
from tfadv.norms.mode import NormMode

ApplyUnit = Callable[[ConvNorm, tf.Tensor], tf.Tensor]


class Block(Protocol):
    """A layer of several units that a network has many of.

    Attributes:
        units: its convolutions.
    """

    units: Sequence[ConvNorm]

    def forward(self, x: tf.Tensor, unit: ApplyUnit) -> tf.Tensor:
        """Computes the block, its convolutions by `unit`."""


def through(block: Block, x: tf.Tensor, unit: ApplyUnit) -> tf.Tensor:
    """Computes a block: as one, where `unit` knows how to, or unit by unit."""
    traced = hasattr(unit, "block") and traces_of(block)
    as_one = traced or isinstance(unit, RecomputedUnits)
    return unit.block(block, x) if as_one else block.forward(x, unit)


class MeasuredUnits:
    """Computes units, and keeps the statistics that their norms measure.

    Args:
        mode: how the norms act.
    """

    def __init__(self, mode: NormMode):
        self._mode = mode
        self._collections: list[Collected] = []

    @property
    def collected(self) -> Collected:
        """The statistics that the norms are to write."""
        return merged(self._collections)

    def __call__(self, unit: ConvNorm, x: tf.Tensor) -> tf.Tensor:
        """Computes a unit."""
        y, collected = unit(x, mode=self._mode, collect=True)
        self._collections.append(collected)
        return y

    def block(self, block: Block, x: tf.Tensor) -> tf.Tensor:
        """Computes a block by the trace of one that is alike."""
        if self._mode.across_replicas == "sync":  # which waits for other replicas inside
            return block.forward(x, self)

        def measured(block, x):
            units = MeasuredUnits(self._mode)
            y = block.forward(x, units)
            return y, [units.collected.get(path, []) for path in norms_in(block)]

        y, by_norm = traces_of(block)(("measured", self._mode), block, measured, x)
        pairs = zip(norms_in(block), by_norm, strict=True)
        self._collections.append({path: found for path, found in pairs if found})
        return y


class RecomputedUnits(MeasuredUnits):
    """The same, and gradients recompute what is in blocks, in place of keeping it.

    Args:
        mode: how the norms act.
    """

    def block(self, block: Block, x: tf.Tensor) -> tf.Tensor:
        """Computes a block whose gradient begins with computing it again; see `recomputed`."""

        def outputs(tensors):
            units = MeasuredUnits(self._mode)
            return [through(block, *tensors, units)], units.collected

        (y,), collected = recomputed(outputs, [x], block.variables)
        self._collections.append(collected)
        return y


class FixedUnits:
    """Computes units with the weights of now, prepared once for many passes.

    Their gradients go to the images alone.

    Attributes:
        unfolded: the norms that are no part of their convolutions.

    Args:
        units: all that will be computed.
        blocks: of which some of the units are part.
        mode: how the norms act.
        dtype: of the convolutions.
        constant: see `FixedConvolution`.
    """

    def __init__(
        self,
        units: Sequence[ConvNorm],
        blocks: Sequence[Block],
        mode: NormMode,
        dtype: tf.DType,
        constant: bool,
    ):
        self._mode, self._dtype = mode, dtype
        self._fixed: dict[int, Callable] = {}
        self._weights: dict[int, list] = {}
        for block in blocks:
            if not constant and (traces := traces_of(block)):
                self._fix(block, traces)
        for unit in units:
            if id(unit) not in self._fixed:
                self._fixed[id(unit)] = unit.fixed(mode, dtype, constant)
        self.unfolded = [
            unit.norm for unit in units if not isinstance(self._fixed[id(unit)], FixedConvolution)
        ]

    def __call__(self, unit: ConvNorm, x: tf.Tensor) -> tf.Tensor:
        """Computes a unit."""
        return self._fixed[id(unit)](x)

    def block(self, block: Block, x: tf.Tensor) -> tf.Tensor:
        """Computes a block by the trace of one that is alike."""
        if id(block) not in self._weights:
            return block.forward(x, self)
        forms = [self._fixed[id(unit)] for unit in block.units]

        def passed(block, x, weights):
            units = [
                form.of(unit, given)
                for unit, form, given in zip(block.units, forms, weights, strict=True)
            ]
            by_unit = {id(unit): fixed for unit, fixed in zip(block.units, units, strict=True)}
            return block.forward(x, lambda unit, x: by_unit[id(unit)](x))

        key, weights = ("passed", self._mode, self._dtype), self._weights[id(block)]
        folded = all(isinstance(form, FixedConvolution) for form in forms)
        return traces_of(block)(
            key, block, passed, x, weights, reads=not folded, differentiates=False
        )

    def _fix(self, block: Block, traces: Traces) -> None:
        """Prepares the units of a block."""
        key = ("fixed", self._mode, self._dtype)

        def prepared(block):
            forms = [unit.fixed(self._mode, self._dtype) for unit in block.units]
            traces.note(key, block, forms)
            return [form.weights for form in forms]

        self._weights[id(block)] = traces(key, block, prepared, differentiates=False)
        for unit, form in zip(block.units, traces.noted(key, block), strict=True):
            self._fixed[id(unit)] = form
