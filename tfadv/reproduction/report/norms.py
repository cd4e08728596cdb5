"""Which figures of norms an experiment has, and what stands beneath them."""

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import Plan, build_plan
from tfadv.reports.drawings import Drawing
from tfadv.reproduction.experiment import Experiment, Files, Statistics, label
from tfadv.reproduction.norm_statistics import measured_once
from tfadv.reproduction.report import statistics_figures
from tfadv.reproduction.report.diagram import diagram
from tfadv.reproduction.results import Results
from tfadv.runs import trained_run

FIGURES = ("figure4", "figure5", "figure6")


def drawings(
    experiment: Experiment,
    results: Results,
    plan_of: Callable[[Files], Plan],
    block: str | None = None,
) -> Iterator[Drawing]:
    """Yields the figures of an experiment's own models, the first seed of each.

    Args:
        experiment: what was to be reproduced.
        results: of the finished runs; a model without one is left out.
        plan_of: builds the plan of a model, trained or not.
        block: whose norm to show; see `norm_sample.sampled`.

    Raises:
        UserError: there is no such block.
    """
    for one in experiment.statistics:
        if one.kind == "diagram":
            yield _diagram(plan_of(one.files), label(one.files))
            continue
        found = [result for result in results.by_model.get(one.files, ()) if result.statistics]
        if found:
            of = f"{label(one.files)}, seed {found[0].seed}"
            yield from _measured(one, found[0].statistics, of, block)


def drawings_of_run(experiment: Experiment, run: Path, block: str | None = None) -> list[Drawing]:
    """Returns the figures of an experiment, drawn from any run.

    Args:
        experiment: figure 4, 5 or 6.
        run: folder of a run; its statistics are measured if they were not yet.
        block: whose norm to show; see `norm_sample.sampled`.

    Raises:
        UserError: the experiment shows no norms, the folder holds no run, or its norm has
            nothing to show.
    """
    if experiment.name not in FIGURES:
        raise UserError(f"--model_dir goes with {', '.join(FIGURES)}, not with {experiment.name}")
    file = trained_run.config_file(run)
    found: list[Drawing] = []
    for kind in dict.fromkeys(one.kind for one in experiment.statistics):
        if kind == "diagram":
            found.append(_diagram(build_plan(config.read([file])), str(run)))
        else:
            one = Statistics(kind, ())
            found += _measured(one, measured_once(run), str(run), block)
    return found


def _diagram(plan: Plan, of: str) -> Drawing:
    model = plan.build_model()
    return Drawing(
        "figures",
        f"diagram_{plan.experiment.norm}.png",
        f"Which images a norm measures: {of}",
        "The first norm and the layers around it, drawn from the model and its training strategy; "
        "all other norms are alike.",
        functools.partial(diagram, model, plan.strategy),
    )


def _measured(one: Statistics, statistics: Mapping, of: str, block: str | None) -> list[Drawing]:
    drawn = statistics_figures.drawings(one.kind, statistics, block)
    return [drawing._replace(title=f"{drawing.title}: {of}") for drawing in drawn]
