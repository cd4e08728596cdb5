"""The extension points: named parts that gin files choose and configure.

A part joins a registry with a decorator and is then known by its short name
(``Experiment.norm = 'group_norm'``) while its constructor's parameters are
bound by its Python name (``GroupNorm.groups = 32``)::

    @NORMS.register("group_norm")
    class GroupNorm(Norm):
        ...
"""

from tfadv.registry.bindings import (
    EVALUATION_SCOPE,
    borrowed,
    bound_value,
    configurable,
    configurables,
    configured,
    default,
    described_parameters,
    forget_borrowed,
    scoped,
    unbound,
)
from tfadv.registry.kinds import (
    ATTACKS,
    AUGMENTATIONS,
    DATASETS,
    DECAYS,
    MODELS,
    NORMS,
    OPTIMIZERS,
    REGISTRIES,
    STRATEGIES,
    TRACKERS,
    Registry,
    restore,
    snapshot,
    unknown,
)
from tfadv.registry.schedule import Schedule

configurable(Schedule)

__all__ = [
    "ATTACKS",
    "AUGMENTATIONS",
    "DATASETS",
    "DECAYS",
    "EVALUATION_SCOPE",
    "MODELS",
    "NORMS",
    "OPTIMIZERS",
    "REGISTRIES",
    "STRATEGIES",
    "TRACKERS",
    "Registry",
    "Schedule",
    "borrowed",
    "bound_value",
    "configurable",
    "configurables",
    "configured",
    "default",
    "described_parameters",
    "forget_borrowed",
    "restore",
    "scoped",
    "snapshot",
    "unbound",
    "unknown",
]
