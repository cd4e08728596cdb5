"""What an evaluation found, in Python's hands."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from tfadv import plots
from tfadv.errors import UserError, nearest
from tfadv.evaluation.attack_runner import Portion
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.predictions import predictions_path, write_predictions
from tfadv.evaluation.report import worst_of_all, write_report
from tfadv.files import new_folder, write_record
from tfadv.norms import NormMode
from tfadv.reports.console import attack_name, attack_title, indicators_table, results_table

CLEAN = "clean"


class Result:
    """Clean and robust accuracy of a model's branches, and what became of each image.

    Args:
        record: as ``evaluation.json`` holds it.
        evaluator: after it has evaluated.

    Attributes:
        record: as given.
    """

    def __init__(self, record: dict, evaluator: Evaluator):
        self.record = record
        self._evaluator = evaluator

    def __str__(self) -> str:
        text = io.StringIO()
        Console(file=text, width=100).print(self.table())
        return text.getvalue()

    def table(self) -> Table:
        """Returns the accuracies with 95% intervals, as notebooks show and `print` prints them."""
        return results_table(self.record)

    def examination(self) -> Table:
        """Returns the indicators of masked gradients, of an evaluation that looked for them.

        Raises:
            UserError: it did not.
        """
        if "doctor" not in self.record:
            raise UserError(
                "examination: masked gradients were not looked for: evaluate(…, "
                "settings={'Evaluation.doctor': True})"
            )
        return indicators_table(self.record)

    def rows(self) -> list[dict]:
        """Returns the accuracies as rows, such as a data frame is made of."""
        clean = [
            {"attack": CLEAN, "branch": branch, **_measured(found)}
            for branch, found in self.record["clean"].items()
        ]
        attacked = [
            {"attack": attack_name(row), "branch": row["branch"], **_measured(row)}
            for row in self.record["attacks"]
        ]
        return clean + attacked

    @property
    def attacks(self) -> tuple[str, ...]:
        """What the attacks are called here, such as ``pgd100/pgd``."""
        return tuple(dict.fromkeys(spec for _, spec in self._evaluator.rows_in_order))

    @property
    def branches(self) -> tuple[str, ...]:
        """The norm branches that were evaluated."""
        return tuple(self.record["clean"])

    def accuracy(self, attack: str = CLEAN, branch: str | None = None) -> float:
        """Returns an accuracy in 0..1.

        Args:
            attack: ``clean``, or one of `attacks`; what it begins with is enough.
            branch: one of `branches`; None takes the first.

        Raises:
            UserError: there is no such branch or attack.
        """
        branch = self._branch(branch)
        if attack == CLEAN:
            return self.record[CLEAN][branch]["accuracy"]
        return self._evaluator.rows[branch, self._spec(attack)]["accuracy"]

    def predictions(self, attack: str = CLEAN, branch: str | None = None) -> np.ndarray:
        """Returns the predicted classes of the images `indices`, int64 [N].

        Args:
            attack: see `accuracy`.
            branch: likewise.
        """
        spec = CLEAN if attack == CLEAN else self._spec(attack)
        return self._evaluator.predictions[self._branch(branch), spec]

    @property
    def labels(self) -> np.ndarray:
        """The true classes of the images `indices`, int64 [N]."""
        return self._evaluator.source.labels[self.indices]

    @property
    def indices(self) -> np.ndarray:
        """Which images of the test set were evaluated, int64 [N]."""
        return self._evaluator.indices

    def adversarial(
        self, attack: str | None = None, branch: str | None = None, count: int = 8
    ) -> dict[str, np.ndarray]:
        """Attacks some images once more, those first that fool the model.

        Args:
            attack: one of `attacks`; None takes the strongest.
            branch: one of `branches`; None takes the first.
            count: how many, at most what is evaluated at once.

        Returns:
            ``image`` and ``adversarial``, float32 [n, H, W, C] in 0..255, and ``label`` and
            ``prediction``, int64 [n].

        Raises:
            UserError: no attack was run, or there is no such one.
        """
        branch = self._branch(branch)
        spec = self._strongest(branch) if attack is None else self._spec(attack)
        fooled = self._evaluator.fooled(branch, spec)
        others = np.setdiff1d(self.indices, fooled)
        chosen = np.concatenate([fooled, others])[
            : min(count, self._evaluator.attack_runner.batch_size)
        ]
        runs, portion = self._evaluator.single_runs(), Portion(chosen, len(chosen))
        runner = self._evaluator.attack_runner
        (found,) = runner.adversarial(NormMode(branch), runs[spec], portion)
        names = ("image", "adversarial", "prediction")
        labels = self._evaluator.source.labels[found["index"]]
        return {**{name: found[name] for name in names}, "label": labels}

    def plot_curve(self) -> Figure:
        """Returns the accuracy by the attack's steps; see `tfadv.plots.accuracy_curve`."""
        return plots.accuracy_curve(self.record)

    def plot_epsilon(self) -> Figure:
        """Returns the accuracy by ε; see `tfadv.plots.accuracy_against_epsilon`."""
        return plots.accuracy_against_epsilon(self.record)

    def plot_images(
        self, attack: str | None = None, branch: str | None = None, count: int = 8
    ) -> Figure:
        """Returns clean and adversarial images and their differences; see `adversarial`."""
        found = self.adversarial(attack, branch, count)
        names = self._evaluator.source.class_names
        titles = [
            f"{names[label]} → {names[prediction]}"
            for label, prediction in zip(found["label"], found["prediction"], strict=True)
        ]
        model = self._evaluator.threat_model
        epsilon = model.epsilon if model else None
        return plots.adversarial_strip(found["image"], found["adversarial"], epsilon, titles)

    def plot_confusion(self, attack: str | None = None, branch: str | None = None) -> Figure:
        """Returns what the images of each class are taken for, under the strongest attack.

        Args:
            attack: ``clean`` or another one; None takes the strongest.
            branch: one of `branches`; None takes the first.
        """
        branch = self._branch(branch)
        attack = attack or self._strongest(branch)
        predictions = self.predictions(attack, branch)
        names = self._evaluator.source.class_names
        row = None if attack == CLEAN else self._evaluator.rows[branch, self._spec(attack)]
        title = f"{branch} branch, {attack_title(row) if row else CLEAN}"
        return plots.confusion(self.labels, predictions, names, title)

    def plot_reliability(self) -> Figure:
        """Returns how often predictions are right by their confidence, of clean images."""
        return plots.reliability(self.record)

    def save(self, path: str | Path) -> None:
        """Writes the record as JSON, and beside it what each image was taken for.

        ``python -m tfadv.compare --record=…`` puts several on one page.

        Raises:
            UserError: there is a file already.
        """
        path = Path(path)
        for one in (path, predictions_path(path)):
            if one.exists():
                raise UserError(f"save: there is a '{one}' already: choose another")
        write_predictions(self._evaluator, self.record, predictions_path(path))
        write_record(path, self.record)

    def report(self, folder: str | Path) -> Path:
        """Writes ``report.html`` with its figures into a new folder; returns the page.

        Raises:
            UserError: there is such a folder already.
        """
        if Path(folder).exists():
            raise UserError(f"report: there is a '{folder}' already: choose another")
        worst = worst_of_all(self._evaluator, self.record)
        with new_folder(Path(folder)) as partial:
            page = write_report(self._evaluator, self.record, worst, partial)
        return Path(folder) / page.name

    def _strongest(self, branch: str) -> str:
        if not self.attacks:
            raise UserError("attack: none was run: evaluate(…, attacks=['pgd100'])")
        rows = self._evaluator.rows
        return min(self.attacks, key=lambda spec: rows[branch, spec]["accuracy"])

    def _branch(self, branch: str | None) -> str:
        branches = self.branches
        if branch is None:
            return branches[0]
        return _known(branch, branches, "branch")

    def _spec(self, attack: str) -> str:
        found = [spec for spec in self.attacks if spec == attack or spec.startswith(f"{attack}/")]
        return found[0] if found else _known(attack, self.attacks, "attack")


def _known(name: str, names: Sequence[str], what: str) -> str:
    if name not in names:
        known = ", ".join(names) or "none"
        raise UserError(f"{what}: there is no '{name}', but {known}.{nearest(name, names)}")
    return name


def _measured(found: dict) -> dict:
    return {"accuracy": found["accuracy"], "low": found["ci95"][0], "high": found["ci95"][1]}
