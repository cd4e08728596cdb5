"""A whole norm for each kind of images: what mixture batch norm does, of any norm."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.base import Collected, Norm
from tfadv.norms.mode import NormMode, chosen_branch, is_branch_name


class MixtureNorm(Norm):
    """Base class of the mixtures (section 4.2 has batch norm's): each branch a whole norm.

    The images of a branch are normalized as a mini-batch of their own, by variables of its
    own. A subclass is one constructor that says of which norm.

    Args:
        make_norm: builds the norm of one branch; takes ``name``.
        branches: names of the branches.
        default_branch: the branch of a call that names none.
        gamma_initializer: initializer of every γ.
        name: the layer's name.

    Raises:
        UserError: the branches' names are not distinct or no names, or the default is none
            of them.
    """

    def __init__(
        self,
        make_norm: Callable[..., Norm],
        branches: tuple[str, ...],
        default_branch: str,
        gamma_initializer: str = "ones",
        name: str | None = None,
    ):
        super().__init__(gamma_initializer, name)
        self.branches = tuple(branches)
        distinct = len(set(self.branches)) == len(self.branches) > 0
        named = distinct and all(is_branch_name(branch) for branch in self.branches)
        parameter = type(self).__name__
        rule = "be distinct names of letters, digits and _"
        check(named, f"{parameter}.branches", rule, branches)
        self.default_branch = default_branch
        chosen_branch(default_branch, self.branches, default_branch, f"{parameter}.default_branch")
        self.norms = [make_norm(name=branch) for branch in self.branches]
        self.activates = self.norms[0].activates

    def build(self, input_shape):
        """Makes the variables of every branch."""
        for norm in self.norms:
            norm.activated = self.activated
            norm.build(input_shape)

    def prepare_kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the kernel as the branches' norms want it; see `Norm.prepare_kernel`."""
        return self.norms[0].prepare_kernel(kernel)

    def start_from(self, gamma, beta, moments):
        """Has every branch take over the same; see `Norm.start_from`."""
        for norm in self.norms:
            norm.start_from(gamma, beta, moments)

    @property
    def keeps_statistics(self) -> bool:
        """Whether its branches do; see `Norm.keeps_statistics`."""
        return any(norm.keeps_statistics for norm in self.norms)

    def affine(self, mode: NormMode):
        """Returns the map that the branch's norm is; see `Norm.affine`."""
        return self._branch(mode.branch).affine(mode)

    def forward(
        self, x: tf.Tensor, mode: NormMode, relu: bool = False
    ) -> tuple[tf.Tensor, Collected]:
        """Normalizes `x` [N, …, C], all of it images of the mode's branch."""
        return self._branch(mode.branch).forward(x, mode, relu)

    def takes_batch_inside(self, mode: NormMode) -> bool:
        """Returns whether the branch's norm does; see `Norm.takes_batch_inside`."""
        return self._branch(mode.branch).takes_batch_inside(mode)

    def batch_inside(self, x: tf.Tensor, mode: NormMode, relu: bool) -> tf.Tensor:
        """Normalizes maps as the branch's norm does; see `Norm.batch_inside`."""
        return self._branch(mode.branch).batch_inside(x, mode, relu)

    def running_statistics(self, branch: str | None = None):
        """Returns the branch's running mean and variance; see `Norm.running_statistics`."""
        return self._branch(branch).running_statistics()

    def batch_statistics(self, collected: Collected, branch: str | None = None):
        """Returns the moments of the branch's batch; see `Norm.batch_statistics`."""
        return self._branch(branch).batch_statistics(collected)

    def stock_layer(
        self, branch: str | None = None
    ) -> tuple[keras.layers.Layer, list[keras.Variable]] | None:
        """Returns the branch as Keras' own layer; see `Norm.stock_layer`."""
        return self._branch(branch).stock_layer()

    def _branch(self, branch: str | None) -> Norm:
        """Returns the norm of a branch; None is the default one."""
        name = chosen_branch(branch, self.branches, self.default_branch)
        return self.norms[self.branches.index(name)]
