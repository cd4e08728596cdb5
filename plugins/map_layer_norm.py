"""Layer normalization of whole maps as a plugin: `import plugins.map_layer_norm` in a gin file.

The paper leaves batch-unrelated norms other than GN as future work (section 4.2).
"""

from tfadv.norms.group_norm import GroupNorm
from tfadv.registry import NORMS


@NORMS.register("map_layer_norm", paper="Ba et al., 2016")
class MapLayerNorm(GroupNorm):
    """Layer norm: moments over space and all channels of an image.

    Args:
        epsilon: added to the variance.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-5, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(1, epsilon, gamma_initializer, name)
