"""Which figures an evaluation has, and what stands beneath them."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from tfadv.plots import accuracy, calibration, classes, strips
from tfadv.plots.curves import curves
from tfadv.plots.names import branch_name, branches, class_name
from tfadv.plots.paper_curve import caption
from tfadv.plots.style import shortened
from tfadv.reports.outcomes import CLEAN, Judged, Shown, strongest

IN_ONE_FIGURE = 4  # worst images


class Drawing(NamedTuple):
    """A figure to be.

    Attributes:
        section: of the page.
        file: its name.
        title: of the figure, for those who can't see it.
        caption: what stands beneath it.
        draw: makes it, in the colours of a `theme`.
    """

    section: str
    file: str
    title: str
    caption: str
    draw: Callable[..., Figure]


def drawings(
    record: Mapping,
    class_names: Sequence[str],
    judged: Sequence[Judged],
    worst: Sequence[Shown],
) -> Iterator[Drawing]:
    """Yields the figures for which there is data, in the page's order."""
    yield from _attacks(record)
    if any(clean.get("reliability") for clean in record["clean"].values()):
        yield Drawing(
            "reliability",
            "reliability.png",
            "Reliability diagram",
            "Clean images by the confidence of their prediction. On the dashed line a confidence "
            "is what it says; larger marks hold more images.",
            functools.partial(calibration.reliability, record),
        )
    if any(record.get("corruptions", {}).values()):
        yield Drawing(
            "corruptions",
            "corruptions.png",
            "Accuracy by corruption",
            "A mark is the mean over the severities, its line their range.",
            functools.partial(accuracy.corruptions, record),
        )
    yield from _classes(record, class_names, judged)
    yield from _worst_images(class_names, worst)


def _attacks(record: Mapping) -> Iterator[Drawing]:
    by_steps = curves([record], "steps")
    if by_steps:
        yield Drawing(
            "attacks",
            "accuracy_by_steps.png",
            "Accuracy by the attack's steps",
            f"Bands are 95% intervals. {caption(record, by_steps)}",
            functools.partial(accuracy.accuracy_curve, record),
        )
    if curves([record], "epsilon"):
        yield Drawing(
            "attacks",
            "accuracy_by_epsilon.png",
            "Accuracy by the attack's radius",
            "Bands are 95% intervals; at ε = 0 the images are clean.",
            functools.partial(accuracy.accuracy_against_epsilon, record),
        )


def _classes(
    record: Mapping, class_names: Sequence[str], judged: Sequence[Judged]
) -> Iterator[Drawing]:
    """Yields what becomes of each class: clean, and under each branch's strongest attack."""
    for branch in branches(record):
        attacked = strongest(judged, branch)
        chosen = [
            one for one in judged if one.branch == branch and (one.name == CLEAN or one is attacked)
        ]
        for one in chosen:
            yield Drawing(
                "classes",
                _file_name("confusion", branch, one.name),
                f"Confusion matrix: {one.title}",
                "Shares of each class's images" + _grouped(class_names),
                functools.partial(
                    classes.confusion, one.labels, one.predictions, class_names, one.title
                ),
            )


def _grouped(class_names: Sequence[str]) -> str:
    if len(class_names) <= classes.CELLS:
        return "."
    return f"; neighbouring classes are counted together, {classes.CELLS} groups in all."


def _worst_images(class_names: Sequence[str], worst: Sequence[Shown]) -> Iterator[Drawing]:
    groups: dict[tuple[str, str], list[Shown]] = {}
    for one in worst:
        groups.setdefault((one.branch, one.name), []).append(one)
    for (branch, name), shown in groups.items():
        for start in range(0, len(shown), IN_ONE_FIGURE):
            some = shown[start : start + IN_ONE_FIGURE]
            numbers = ", ".join(str(one.index) for one in some)
            images = np.stack([one.image for one in some])
            adversarial = np.stack([one.adversarial for one in some])
            titles = [_became(one, class_names) for one in some]
            yield Drawing(
                "worst",
                _file_name("worst", branch, name, str(start // IN_ONE_FIGURE + 1)),
                f"Images that fooled the {branch_name(branch)} under {name}",
                f"{branch_name(branch)}, {name}: images {numbers}. In the difference, amplified "
                f"{strips.amplification(images, adversarial)} times, grey is no change.",
                functools.partial(strips.adversarial_strip, images, adversarial, titles=titles),
            )


def _became(one: Shown, class_names: Sequence[str]) -> str:
    """Returns ``label → prediction (confidence)``."""
    true, wrong = (
        shortened(class_name(label, class_names), 22) for label in (one.label, one.prediction)
    )
    return f"{true} → {wrong} ({one.confidence:.0%})"


def _file_name(*parts: str) -> str:
    """Returns a name that every file system takes."""
    safe = "_".join("".join(c if c.isalnum() else "_" for c in part) for part in parts)
    return f"{safe[:100].lower()}.png"
