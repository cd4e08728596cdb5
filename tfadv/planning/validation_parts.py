"""What validation needs beside a model, chosen by gin."""

import dataclasses
from collections.abc import Sequence

from tfadv.attacks import Attack
from tfadv.config.evaluation_settings import Evaluation
from tfadv.config.training_settings import Training
from tfadv.config.validation_settings import CLEAN, Validation
from tfadv.data import Splits
from tfadv.data.source import Source
from tfadv.errors import UserError, check_choice
from tfadv.planning import plan_checks
from tfadv.planning.images import validation_images
from tfadv.registry import configured
from tfadv.strategies import Strategy


@dataclasses.dataclass(frozen=True)
class Criterion:
    """By which accuracy on the validation images the best checkpoint is chosen.

    Attributes:
        attack: ``clean``, or the spec of a validation attack.
        branch: the norm branch.
        weights: ``trained`` or ``average``.
    """

    attack: str
    branch: str
    weights: str

    def __str__(self) -> str:
        average = " of the average" if self.weights == "average" else ""
        return f"{self.attack} accuracy of branch '{self.branch}'{average}"

    @property
    def file_name(self) -> str:
        """What its checkpoint is called: letters, digits, ``_``, ``-`` and ``.`` alone."""
        return f"{self.attack.replace('/', '_')}-{self.branch}-{self.weights}"


@dataclasses.dataclass(frozen=True)
class ValidationParts:
    """What validation needs beside a model.

    Attributes:
        settings: how often, and what follows of it.
        source: the images.
        attacks: by their specs.
        are_held_out: whether they were training images.
    """

    settings: Validation
    source: Source
    attacks: dict[str, Attack]
    are_held_out: bool

    def is_due(self, epoch: int, epochs: int) -> bool:
        """Returns whether to validate after so many epochs of all."""
        return epoch > 0 and (epoch % self.settings.every_epochs == 0 or epoch == epochs)

    def evaluation(self, of_test: Evaluation) -> Evaluation:
        """Returns how to measure, with the precision and the batch of the test images."""
        return Evaluation(
            attacks=tuple(self.attacks),
            batch_size=self.settings.batch_size or of_test.batch_size,
            examples=self.settings.examples,
            dtype=of_test.dtype,
        )

    def criterion(
        self, branches: Sequence[str], default_branch: str, strategy: Strategy
    ) -> Criterion:
        """Returns what the best checkpoint is chosen by.

        Args:
            branches: of the model, those that are trained.
            default_branch: of the model.
            strategy: which says the branch that is attacked.

        Raises:
            UserError: there is no such branch.
        """
        attack, branch = self.settings.criterion, self.settings.best_branch
        if branch is None:
            attacked = [one for one in strategy.attacked_kinds.values() if one in branches]
            branch = attacked[0] if attacked and attack != CLEAN else default_branch
            branch = branch if branch in branches else branches[0]
        check_choice("Validation.best_branch", branch, branches)
        return Criterion(attack, branch, self.settings.best_weights)


def build_validation(
    splits: Splits, training: Training, channels: int | None
) -> tuple[Splits, ValidationParts | None]:
    """Builds what validation needs; takes its images out of those to train on.

    Args:
        splits: the images, all of them.
        training: says whether there is an average of the weights.
        channels: of the images, as ``Experiment.channels`` has them.

    Returns:
        The images that are left, and the parts; None where nothing is validated.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    settings = configured(Validation)
    if not settings.every_epochs:
        return splits, None
    averages = training.average_decay is not None or training.average_from_epoch is not None
    if settings.best_weights == "average" and not averages:
        raise UserError(
            "Validation.best_weights = 'average' needs an average: bind Training.average_decay or "
            "Training.average_from_epoch",
            "Validation.best_weights",
        )
    left, source = validation_images(splits, settings, channels)
    attacks, _ = plan_checks.for_classes(settings.build_attacks(), source)
    return left, ValidationParts(settings, source, attacks, settings.dataset is None)
