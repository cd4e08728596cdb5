"""Networks, the units they are built of, and the protocol that any classifier satisfies.

A network enters as a file that registers it; what attacks, trains or measures it does not.
"""

from tfadv.models import (  # noqa: F401  (they register)
    basic_resnet,
    convnext,
    resnet,
    vit,
    wide_resnet,
)
from tfadv.models.base import Model
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.keras_network import from_keras  # noqa: F401  (it registers)

__all__ = ["ConvNorm", "Model"]
