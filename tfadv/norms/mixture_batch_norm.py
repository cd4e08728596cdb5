"""Mixture batch normalization, the paper's answer to mixed batches (section 4.2)."""

import functools

from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture import MixtureNorm
from tfadv.registry import NORMS


@NORMS.register("mixture_batch_norm", paper="Xie & Yuille, 2020, section 4.2")
class MixtureBatchNorm(MixtureNorm):
    """Mixture BN: a whole batch norm for each kind of images.

    ``y = γ_b·(x - μ_b) / √(σ_b² + ε) + β_b`` for the images of branch b: every branch has
    its own γ, β, running mean and running variance, and clean and adversarial images
    are normalized as separate mini-batches.

    Args:
        branches: names of the branches.
        default_branch: the branch of a call that names none.
        momentum: weight of the old running value in an update.
        epsilon: added to the variance.
        unbiased_variance: see `BatchNorm`.
        gamma_initializer: initializer of every γ.
        name: the layer's name.
    """

    def __init__(
        self,
        branches: tuple[str, ...] = ("clean", "adv"),
        default_branch: str = "adv",
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        unbiased_variance: bool = False,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        make_norm = functools.partial(
            BatchNorm, momentum, epsilon, unbiased_variance, gamma_initializer
        )
        super().__init__(make_norm, branches, default_branch, gamma_initializer, name)
        self.momentum = momentum
        self.epsilon = epsilon
        self.unbiased_variance = unbiased_variance
