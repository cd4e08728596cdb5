"""Images that are known of, but not here."""

from collections.abc import Sequence

import numpy as np

from tfadv.data.manifest import AUTO
from tfadv.data.source import Source
from tfadv.errors import UserError

# Training images that a plan for an evaluation alone counts with; none is read.
AS_IF = 2**20


class AbsentSource(Source):
    """Images that are known of, but not here: enough for a plan, or beside those that are.

    Args:
        name: where the images are from, for messages.
        examples: how many there are.
        class_names: names of the classes.
        image_shape: (height, width, channels).
        reason: why they can't be read, in a line.
        parameter: the gin parameter that says where they are.
        is_counted: whether there are `examples` of them for certain, as a plan needs.
    """

    def __init__(
        self,
        name: str,
        examples: int,
        class_names: Sequence[str],
        image_shape: Sequence[int],
        reason: str,
        parameter: str,
        is_counted: bool = True,
    ):
        labels = np.arange(examples) % len(class_names)
        super().__init__(name, labels, class_names, image_shape)
        self.is_counted = is_counted
        self._absence = UserError(reason, parameter)

    def check_present(self) -> None:
        """Raises `UserError`: they are not."""
        raise self._absence

    def manifest(self, way: str = AUTO) -> None:
        """Returns None: nothing is known of them; see `Source.manifest`."""

    def fetch(self, index):
        """Raises `UserError`: there is nothing to fetch."""
        self.check_present()
