"""A run before it starts: its parts, built and checked, what they do, take and cost.

Importing it registers every built-in part. What trains or evaluates may not enter.
"""

from tfadv import attacks, data, models, norms, optimization, strategies  # noqa: F401  (register)
from tfadv.config import evaluation_settings, hardware, settings  # noqa: F401  (register)
