"""Networks, the units they are built of, and the protocol that any classifier satisfies.

A network enters as a file that registers it; what attacks, trains or measures it does not.
"""

from tfadv.models import resnet  # noqa: F401  (it registers)
from tfadv.models.base import Model
from tfadv.models.conv_norm import ConvNorm

__all__ = ["ConvNorm", "Model"]
