"""What gin says of validation: on which images, how often, under what, and what follows."""

import dataclasses

from tfadv.attacks import Attack
from tfadv.config.evaluation_settings import build_attack
from tfadv.errors import UserError, check, check_choice
from tfadv.optimization.weight_average import WEIGHTS
from tfadv.randomness import check_seed
from tfadv.registry import DATASETS, EVALUATION_SCOPE, configurable, scoped

CLEAN = "clean"


@configurable
@dataclasses.dataclass(frozen=True)
class Validation:
    """How to measure a model while it trains, on images that it is not trained on.

    Attributes:
        every_epochs: how often, and after the last epoch; 0 never validates, and then
            nothing is held out.
        images: of the training images, how many are held out for it, in the classes'
            proportions: a number, or a share below 1.
        seed: draws them, whatever the run's own seed is.
        dataset: in place of `images`, a data set whose test images are taken, as
            ``validation/tfds`` with ``validation/tfds.test_split = 'validation'``.
        examples: how many of these images, drawn by the run's seed; None takes all.
        batch_size: images at once over all replicas; None takes ``Evaluation.batch_size``.
        attacks: attacks to run, named and built as ``Evaluation.attacks`` are, in the gin
            scope ``eval``.
        best: by what the best checkpoint is chosen: ``clean``, or one of `attacks`; None
            takes the first of them.
        best_branch: in which norm branch; None takes the one that training attacks, or the
            model's default where `best` is ``clean``.
        best_weights: with which weights, ``trained`` or their moving ``average``.
        patience: ends the run after so many validations without a better one (early
            stopping); 0 never does.
    """

    every_epochs: int = 0
    images: float = 0
    seed: int = 0
    dataset: str | None = None
    examples: int | None = None
    batch_size: int | None = None
    attacks: tuple[str, ...] = ()
    best: str | None = None
    best_branch: str | None = None
    best_weights: str = "trained"
    patience: int = 0

    def __post_init__(self):
        for name in ("every_epochs", "patience"):
            check(getattr(self, name) >= 0, f"Validation.{name}", "be >= 0", getattr(self, name))
        for name in ("examples", "batch_size"):
            value = getattr(self, name)
            check(value is None or value >= 1, f"Validation.{name}", "be None or >= 1", value)
        is_number = self.images >= 0 and (self.images < 1 or self.images == int(self.images))
        rule = "be a share in 0..1 or a whole number"
        check(is_number, "Validation.images", rule, self.images)
        check_seed("Validation.seed", self.seed)
        check_choice("Validation.best_weights", self.best_weights, WEIGHTS)
        check_choice("Validation.best", self.criterion, (CLEAN, *self.attacks))
        if self.dataset is not None:
            DATASETS.get(self.dataset.rpartition("/")[2], "Validation.dataset")
        given = bool(self.images), self.dataset is not None
        if self.every_epochs and sum(given) != 1:
            raise UserError(
                "Validation.every_epochs needs images: bind one of Validation.images (held out of "
                "training) and Validation.dataset (another set's test images)",
                "Validation.every_epochs",
            )
        if not self.every_epochs and any(given):
            name = "images" if self.images else "dataset"
            raise UserError(
                f"Validation.{name} is never looked at: bind Validation.every_epochs = 1",
                f"Validation.{name}",
            )

    @property
    def criterion(self) -> str:
        """What the best checkpoint is chosen by: ``clean``, or a spec of `attacks`."""
        return self.best or next(iter(self.attacks), CLEAN)

    def held_out(self, count: int) -> int:
        """Returns how many of `count` training images are held out.

        Raises:
            UserError: none, or all of them.
        """
        number = round(self.images * count) if self.images < 1 else int(self.images)
        rule = f"hold out some of the {count} training images and not all"
        check(0 < number < count, "Validation.images", rule, self.images)
        return number

    def build_attacks(self) -> dict[str, Attack]:
        """Builds the attacks, by the specs that name them.

        Raises:
            UserError: there is no such attack, or a parameter is wrong.
        """
        with scoped(EVALUATION_SCOPE):
            return {spec: build_attack(spec, "Validation.attacks") for spec in self.attacks}
