"""Functional and Sequential Keras models as networks: anybody's own, and this package's.

A model is walked, its norms are replaced by the run's, and its linear layers folded with them.
"""

from tfadv.models.functional import (  # noqa: F401  (they register)
    basic_resnet,
    convnext,
    from_keras,
    ra_resnet,
    vit,
    wide_resnet,
)
