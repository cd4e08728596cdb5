"""Imported once, by the process from which those that decode are forked."""

from tfadv.quiet_start import import_tensorflow

import_tensorflow()

from tfadv.inspection import seen  # noqa: E402, F401  (and with it all that they need)
