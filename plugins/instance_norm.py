"""Instance normalization as a plugin: `import plugins.instance_norm` in a gin file."""

from tfadv.norms.group_norm import GroupNorm
from tfadv.registry import NORMS


@NORMS.register("instance_norm", paper="Ulyanov et al., 2016")
class InstanceNorm(GroupNorm):
    """Instance norm: moments over the space of one channel of an image.

    A map of one pixel becomes β: there is nothing to take moments of.

    Args:
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-5, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(1, epsilon, gamma_initializer, name)

    def groups_of(self, channels: int) -> int:
        """Returns as many groups as channels."""
        return channels
