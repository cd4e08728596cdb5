"""What a report says of the scale, the work and the software behind its numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence

from tfadv import config
from tfadv.paper import PUBLISHED_SCALE
from tfadv.planning.plan import Plan
from tfadv.reproduction.cells import Cell
from tfadv.reproduction.page import Compared
from tfadv.reproduction.runner import Runner

# ILSVRC 2012 has 1,281,167 images to train on, and the paper judges on its 50,000 to validate.
_PAPERS_IMAGES, _PAPERS_CLASSES, _PAPERS_TEST_IMAGES = 1_281_167, 1000, 50_000
_HOUR = 3600


def settings(plan: Plan, values: Mapping[str, object], seeds: Sequence[int]) -> list[Compared]:
    """Returns the scale's sizes beside the paper's.

    Args:
        plan: of one of the scale's runs.
        values: what the scale binds, by ``Name.parameter``.
        seeds: of the runs here.
    """
    paper = config.values_of([PUBLISHED_SCALE])
    train, test = plan.splits.train, plan.splits.test
    judged = plan.evaluation.examples or len(test)
    height, width, _ = train.image_shape
    size = paper["imagenet.image_size"]
    return [
        Compared("images", f"{train.name}, {width}x{height}", f"ImageNet, {size}x{size}"),
        Compared("training images", f"{len(train):,}", f"{_PAPERS_IMAGES:,}"),
        Compared("classes", f"{train.classes:,}", f"{_PAPERS_CLASSES:,}"),
        Compared("images judged", f"{judged:,} a seed", f"{_PAPERS_TEST_IMAGES:,}"),
        Compared("seeds", f"{len(seeds)}", "1"),
        *(
            Compared(what, _text(values.get(key)), _text(paper[key]))
            for what, key in (
                ("blocks a stage", "ResNet.blocks"),
                ("width of the first stage", "ResNet.width"),
                ("ε, pixels of 0..255", "PGD.epsilon"),
                ("steps of the training attack", "PGD.steps"),
                ("their length α", "PGD.step_size"),
                ("epochs", "Training.epochs"),
                ("images a batch", "Training.batch_size"),
            )
        ),
    ]


def _text(value: object) -> str:
    if isinstance(value, tuple | list):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def budget(runner: Runner, cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Returns how many runs there are, how long they took and where."""
    finished = sum(map(runner.is_finished, cells))
    found = [("runs", f"{finished} finished of {len(cells)}")]
    seconds = [runner.seconds(cell) for cell in cells]
    for command, what in (("train", "training"), ("evaluate", "evaluation")):
        hours = sum(one.get(command, 0.0) for one in seconds) / _HOUR
        if hours:
            found.append((what, f"{hours:.2f} hours in all"))
    processors = _distinct(start.get("processor") for start in _starts(runner, cells))
    return [*found, *(("processor", one) for one in processors)]


def versions(runner: Runner, cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Returns the software that the runs were started with, every version of it."""
    found: dict[str, dict[str, None]] = {}
    for start in _starts(runner, cells):
        named = start["versions"] | {"commit": start["git_commit"] or "unknown"}
        for name, version in named.items():
            found.setdefault(name, {})[version] = None
    return [(name, ", ".join(versions)) for name, versions in found.items()]


def _starts(runner: Runner, cells: Sequence[Cell]) -> list[Mapping]:
    paths = [cell.run(runner.folder) / "run.json" for cell in cells]
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]
    return [start for record in records for start in record["starts"]]


def _distinct(texts: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
