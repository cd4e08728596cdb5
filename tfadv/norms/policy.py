"""How the norms act over a run: the choices that the paper varies (sections 4.2 to 4.4)."""

import dataclasses

from tfadv.errors import UserError, check, check_choice
from tfadv.norms.mode import ACROSS_REPLICAS, NormMode
from tfadv.registry import configurable

FREEZES = ("nothing", "statistics", "affine", "all")


@configurable
@dataclasses.dataclass(frozen=True)
class NormPolicy:
    """Which statistics normalize where, what is updated, and what is frozen when.

    Attributes:
        training_statistics: of the training forward, ``batch`` or ``running``.
        update: whether the training forward writes the running statistics;
            only batch statistics can.
        attack_statistics: of the attack's forwards, ``running`` (the released
            pipeline) or ``batch``.
        attack_update: whether the attack writes the running statistics at each
            of its steps; only with batch statistics.
        freeze: what stays in the last epochs: the ``statistics`` (the training
            forward normalizes by the running ones, which stay; γ and β keep
            training; section 4.3), the ``affine`` γ and β, ``all`` of these, or
            ``nothing``.
        freeze_last_epochs: how many epochs `freeze` covers (section 4.3: 10).
        across_replicas: ``mean``, ``sync`` or ``local``; see `NormMode`.
        ghost_batch_size: images of each kind, clean or adversarial, that share
            batch statistics; 32 is one GPU's share in the paper. None takes
            all images that a replica computes at once.
    """

    training_statistics: str = "batch"
    update: bool = True
    attack_statistics: str = "running"
    attack_update: bool = False
    freeze: str = "nothing"
    freeze_last_epochs: int = 10
    across_replicas: str = "mean"
    ghost_batch_size: int | None = None

    def __post_init__(self):
        for name, choices in (
            ("training_statistics", ("batch", "running")),
            ("attack_statistics", ("running", "batch")),
            ("freeze", FREEZES),
            ("across_replicas", ACROSS_REPLICAS),
        ):
            check_choice(f"NormPolicy.{name}", getattr(self, name), choices)
        late = self.freeze_last_epochs
        check(late >= 0, "NormPolicy.freeze_last_epochs", "be >= 0", late)
        size = self.ghost_batch_size
        check(size is None or size >= 1, "NormPolicy.ghost_batch_size", "be None or >= 1", size)
        if self.attack_update and self.attack_statistics == "running":
            raise UserError(
                "NormPolicy.attack_update needs NormPolicy.attack_statistics = 'batch': "
                "there is nothing to write otherwise",
                "NormPolicy.attack_update",
            )
        if self.across_replicas == "sync" and size is not None:
            raise UserError(
                "NormPolicy.ghost_batch_size divides what across_replicas = 'sync' unites: "
                "choose one of them",
                "NormPolicy.ghost_batch_size",
            )

    def is_late(self, epoch: int, epochs: int) -> bool:
        """Returns whether `freeze` holds in an epoch, counted from 0, of so many."""
        return self.freeze != "nothing" and epoch >= epochs - self.freeze_last_epochs

    def ghost_batches(self, images: int) -> int:
        """Returns how many ghost batches are in `images`.

        Raises:
            UserError: they can't be divided evenly.
        """
        size = self.ghost_batch_size or images
        check(
            images % size == 0,
            "NormPolicy.ghost_batch_size",
            f"divide the {images} images that a replica computes at once",
            size,
        )
        return images // size


DEFAULT_POLICY = NormPolicy()


@dataclasses.dataclass(frozen=True)
class NormPhase:
    """The policy in a part of a run in which it stays the same (section 4.3: the last epochs).

    Attributes:
        policy: what holds.
        late: whether these are the epochs that `NormPolicy.freeze` covers.
        ghost_batches: parts of a batch that have batch statistics of their own.
    """

    policy: NormPolicy = DEFAULT_POLICY
    late: bool = False
    ghost_batches: int = 1

    @property
    def freezes_statistics(self) -> bool:
        """Whether the running statistics stay."""
        return self.late and self.policy.freeze in ("statistics", "all")

    @property
    def freezes_affine(self) -> bool:
        """Whether γ and β stay."""
        return self.late and self.policy.freeze in ("affine", "all")

    def training_mode(self, branch: str | None) -> NormMode:
        """Returns the mode of the training forward."""
        policy = self.policy
        if self.freezes_statistics or policy.training_statistics == "running":
            return NormMode(branch)
        return NormMode(branch, "batch", policy.update, self.ghost_batches, policy.across_replicas)

    def attack_mode(self, branch: str | None) -> NormMode:
        """Returns the mode of the attack's forwards, in which replicas never wait for another."""
        if self.policy.attack_statistics == "running":
            return NormMode(branch)
        return NormMode(branch, "batch", self.policy.attack_update, self.ghost_batches, "local")
