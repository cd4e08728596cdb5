"""Mixture batch normalization, the paper's answer to mixed batches (section 4.2)."""

import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import Collected, Norm
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mode import NormMode, chosen_branch, is_branch_name
from tfadv.registry import NORMS


@NORMS.register("mixture_batch_norm", paper="Xie & Yuille, 2020, section 4.2")
class MixtureBatchNorm(Norm):
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
        super().__init__(gamma_initializer, name)
        self.branches = tuple(branches)
        distinct = len(set(self.branches)) == len(self.branches) > 0
        named = distinct and all(is_branch_name(branch) for branch in self.branches)
        rule = "be distinct names of letters, digits and _"
        check(named, "MixtureBatchNorm.branches", rule, branches)
        self.default_branch = default_branch
        chosen_branch(
            default_branch, self.branches, default_branch, "MixtureBatchNorm.default_branch"
        )
        self.momentum = momentum
        self.epsilon = epsilon
        self.unbiased_variance = unbiased_variance
        self.batch_norms = [
            BatchNorm(momentum, epsilon, unbiased_variance, gamma_initializer, name=branch)
            for branch in self.branches
        ]

    def build(self, input_shape):
        """Makes the variables of every branch."""
        for batch_norm in self.batch_norms:
            batch_norm.build(input_shape)

    def start_from(self, gamma, beta, moments):
        """Has every branch take over the same; see `Norm.start_from`."""
        for batch_norm in self.batch_norms:
            batch_norm.start_from(gamma, beta, moments)

    @property
    def keeps_statistics(self) -> bool:
        """It has, those of every branch; see `Norm.keeps_statistics`."""
        return True

    def affine(self, mode: NormMode):
        """Returns the branch's map by its running statistics."""
        return self._branch(mode.branch).affine(mode)

    def forward(self, x: tf.Tensor, mode: NormMode) -> tuple[tf.Tensor, Collected]:
        """Normalizes `x` [N, H, W, C], all of it images of the mode's branch."""
        return self._branch(mode.branch).forward(x, mode)

    def running_statistics(self, branch: str | None = None):
        """Returns the branch's running mean and variance; see `Norm.running_statistics`."""
        return self._branch(branch).running_statistics()

    def batch_statistics(self, collected: Collected, branch: str | None = None):
        """Returns the moments of the branch's batch; see `Norm.batch_statistics`."""
        return self._branch(branch).batch_statistics(collected)

    def stock_layer(self, branch: str | None = None):
        """Returns the branch as Keras' batch normalization; see `Norm.stock_layer`."""
        return self._branch(branch).stock_layer()

    def _branch(self, branch: str | None) -> BatchNorm:
        """Returns the batch norm of a branch; None is the default one."""
        name = chosen_branch(branch, self.branches, self.default_branch)
        return self.batch_norms[self.branches.index(name)]
