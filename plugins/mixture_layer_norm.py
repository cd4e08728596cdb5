"""A mixture of layer norms as a plugin: `import plugins.mixture_layer_norm` in a gin file.

The paper mixes batch norms, whose statistics differ between clean and adversarial images.
Layer norm has no statistics to mix: here the branches differ in γ and β alone.
"""

import functools

from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mixture import MixtureNorm
from tfadv.registry import NORMS


@NORMS.register("mixture_layer_norm", paper="Xie & Yuille, 2020, section 4.2; Ba et al., 2016")
class MixtureLayerNorm(MixtureNorm):
    """Mixture of layer norms: γ and β of each kind of images.

    Args:
        branches: names of the branches.
        default_branch: the branch of a call that names none.
        epsilon: added to the variance.
        gamma_initializer: initializer of every γ.
        name: the layer's name.
    """

    def __init__(
        self,
        branches: tuple[str, ...] = ("clean", "adv"),
        default_branch: str = "adv",
        epsilon: float = 1e-6,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        make_norm = functools.partial(LayerNorm, epsilon, gamma_initializer)
        super().__init__(make_norm, branches, default_branch, gamma_initializer, name)
        self.epsilon = epsilon
