"""Networks built of ConvNorm units."""

from tfadv.models import resnet  # noqa: F401  (it registers)
from tfadv.models.base import Model
from tfadv.models.conv_norm import ConvNorm

__all__ = ["ConvNorm", "Model"]
