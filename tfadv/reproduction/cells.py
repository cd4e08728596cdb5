"""The runs that experiments need at a scale: cells of a grid of models and seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfadv import config, digests
from tfadv.config import configuration, gin_files
from tfadv.errors import UserError, check
from tfadv.registry import EVALUATION_SCOPE
from tfadv.reproduction.experiment import Files, model
from tfadv.reproduction.sizes import sizes_at

# Section 4.4 starts from models that were trained before.
STARTS = {
    model("finetune/clean_images"): model("adv_100_clean_0"),
    model("finetune/adversarial_images"): model("clean"),
}
DEFAULT_EVALUATION = "gin/eval/paper_curve.gin"
_OF_EVALUATION = ("Evaluation.", "Checkup.", f"{EVALUATION_SCOPE}/")
_LONGEST_NAME = 150


@dataclasses.dataclass(frozen=True)
class Setting:
    """How all cells are trained and evaluated, but for what each is about.

    Attributes:
        files: of the scale, and overlays.
        bindings: for training.
        plugins: modules to import.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.
        evaluation_files: that say how to measure alone.
        evaluation_bindings: likewise.
        bound: what `bindings` bind, by ``Name.parameter``.
        values: what `files` and `bindings` bind together.
    """

    files: Files
    bindings: tuple[str, ...]
    plugins: tuple[str, ...]
    plugin_dirs: tuple[str, ...]
    evaluation_files: Files
    evaluation_bindings: tuple[str, ...]
    bound: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def scale(self) -> str:
        """The scale's name."""
        return self.values["Experiment.scale"]

    @property
    def evaluation_name(self) -> str:
        """The name of the evaluation's record: another way to measure, another name."""
        stems = [Path(file).stem for file in self.evaluation_files]
        return _file_name([*stems, *self.evaluation_bindings])


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run: a model of the paper at a scale, with a seed.

    Attributes:
        recipe: the gin file of the recipe.
        sizes: in which it differs from the scale, as bindings.
        seed: of the run.
        start: the cell whose weights it starts from.
    """

    recipe: str
    sizes: tuple[str, ...]
    seed: int
    start: "Cell | None" = None

    @property
    def name(self) -> str:
        """What it is called among the models of its scale, such as ``mbn-PGD.steps=2``."""
        stem = str(Path(self.recipe).with_suffix("").relative_to("gin")).replace("/", "_")
        return _file_name([stem, *self.sizes])

    def run(self, folder: Path) -> Path:
        """Returns the folder of its run within that of the reproduction."""
        return folder / "runs" / self.name / f"seed{self.seed}"

    def bindings(self, folder: Path) -> tuple[str, ...]:
        """Returns what it binds beside its files."""
        bound = (*self.sizes, f"Experiment.seed = {self.seed}")
        if self.start is None:
            return bound
        return (*bound, f"Experiment.initial_weights = {str(self.start.run(folder))!r}")


def setting_of(
    files: Sequence[str],
    bindings: Sequence[str],
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
) -> Setting:
    """Sorts what a command line says into what is for training and what for evaluation alone.

    Args:
        files: a scale, or none for the default one, and overlays. Files that bind nothing
            but how to measure are for evaluation; without one the paper's curve is measured.
        bindings: likewise.
        plugins: modules to import.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.

    Raises:
        UserError: one of the files is a recipe, or a binding chooses a seed.
    """
    measuring = [file for file in files if _only_measures(gin_files.file_lines(file, "--gin_file"))]
    training = [file for file in files if file not in measuring]
    for file in training:
        lines = gin_files.file_lines(file, "--gin_file")
        if any(line.key == configuration.RECIPE for line in lines):
            raise UserError(f"--gin_file={file} is a recipe; --experiment chooses the recipes")
    parsed = {text: gin_files.lines_of(text, f"--gin_bindings={text!r}") for text in bindings}
    for_evaluation = tuple(text for text, lines in parsed.items() if _only_measures(lines))
    for_training = tuple(text for text in bindings if text not in for_evaluation)
    bound = {
        line.key: line.statement.value for text in for_training for line in parsed[text] if line.key
    }
    values = config.values_of(training) | bound
    seeded = "Experiment.seed" not in values
    check(seeded, "Experiment.seed", "be chosen by --seeds", values.get("Experiment.seed"))
    return Setting(
        tuple(training),
        for_training,
        tuple(plugins),
        tuple(plugin_dirs),
        tuple(measuring) or (DEFAULT_EVALUATION,),
        for_evaluation,
        bound,
        values,
    )


def cell_of(files: Files, seed: int, setting: Setting) -> Cell:
    """Returns the run of a model of the paper.

    Models that are the same at the scale, such as two whose N are rounded to one, have
    the same run.
    """
    usual = config.values_of([files[0], *setting.files]) | setting.bound
    sizes = sizes_at(files, setting.values).items()
    bound = tuple(f"{key} = {value!r}" for key, value in sizes if usual.get(key) != value)
    start = STARTS.get(files)
    return Cell(files[0], bound, seed, start and cell_of(start, seed, setting))


def grid(models: Sequence[Files], seeds: Sequence[int], setting: Setting) -> list[Cell]:
    """Returns the runs of some models, seed by seed, each after the one that it starts from."""
    cells: dict[Cell, None] = {}
    for seed in seeds:
        for files in models:
            cell = cell_of(files, seed, setting)
            if cell.start:
                cells.setdefault(cell.start)
            cells.setdefault(cell)
    return list(cells)


def shard(cells: Sequence[Cell], text: str) -> list[Cell]:
    """Returns the cells of one of several machines; a cell goes where its start goes.

    Args:
        cells: all of them.
        text: ``i/n``, the i-th of n, counted from 1.

    Raises:
        UserError: it is no such text.
    """
    number, _, count = text.partition("/")
    valid = number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)
    check(valid, "--shard", "be i/n with 1 <= i <= n, such as 1/4", text)
    first = list(dict.fromkeys(cell.start or cell for cell in cells))
    mine = set(first[int(number) - 1 :: int(count)])
    return [cell for cell in cells if (cell.start or cell) in mine]


def _only_measures(lines: Sequence[gin_files.Line]) -> bool:
    keys = [line.key for line in lines if line.key]
    return bool(keys) and all(key.startswith(_OF_EVALUATION) for key in keys)


def _file_name(parts: Sequence[str]) -> str:
    """Returns some texts as one file name; one that is too long ends in a digest."""
    name = "-".join(
        "".join(c if c.isalnum() or c in "._=" else "" for c in part.replace(", ", "_"))
        for part in parts
    )
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{digests.of_texts([name])[:8]}"
    return name
