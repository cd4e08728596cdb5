"""The card of a bundle or a hub folder: what was trained, on what, and what was measured of it."""

from collections.abc import Mapping

from tfadv.attacks import Attack
from tfadv.attacks.threat_model import ThreatModel
from tfadv.interop import card_accuracies
from tfadv.interop.bundle_format import CONFIG, METADATA, REFERENCE
from tfadv.interop.hub_header import Header
from tfadv.interop.saved_model import DEFAULT_ENDPOINT
from tfadv.pixels import units_per_pixel
from tfadv.planning.plan import Plan
from tfadv.reports.console import attack_name
from tfadv.reports.templates import Raw, code_in_markdown, render_markdown
from tfadv.runs.trained_run import TrainedRun

_ROOM = "tfadv.interop"
_SPLITS = {"train": "Training", "extra": "Further training", "validation": "Validation"}
_SPLITS |= {"test": "Test"}
# What tells images apart, the most telling first, of a manifest.
_DIGESTS = ("pixels", "contents", "sizes", "names")
_SHOWN_CLASSES = 20
_USUAL_RADIUS = 8.0  # in pixels, of the code where a model was trained without an attack


def model_card(run: TrainedRun, metadata: Mapping, header: Header | None = None) -> str:
    """Returns the card, as Markdown.

    Args:
        run: what is handed on.
        metadata: of its bundle, whose records are of its weights.
        header: of a card on the hub; None writes a bundle's.
    """
    height, width, channels = metadata["input_shape"]
    low, high = metadata["pixel_range"]
    endpoints = dict.fromkeys([DEFAULT_ENDPOINT, *metadata["endpoints"].values()])
    radius = metadata["epsilon"] or _USUAL_RADIUS * units_per_pixel((low, high))
    return render_markdown(
        _ROOM,
        "model_card.md.j2",
        header=header,
        raw=Raw,
        name=f"{run.model.name}, {run.path.name}",
        strategy=run.plan.experiment.strategy,
        norm=run.plan.experiment.norm,
        parameters=f"{metadata['model']['parameters']:,}",
        train=run.plan.splits.train.name,
        height=height,
        width=width,
        channels=channels,
        layout=metadata["layout"],
        color=metadata["color"] if channels > 2 else "grey",
        low=f"{low:g}",
        high=f"{high:g}",
        classes=_classes(metadata),
        endpoints=Raw(", ".join(map(code_in_markdown, endpoints))),
        branch=code_in_markdown(metadata["branch"]),
        branches=len(metadata["branches"]),
        checkpoint=_checkpoint(run),
        data=_data(run),
        threat_model=_threat_model(run, metadata),
        training=_training(run),
        tables=card_accuracies.tables(metadata),
        autoattack=card_accuracies.autoattack(metadata),
        ball=metadata["ball"] or "linf",
        radius=Raw(f"{radius:.6g}"),
        repo=header and header.quoted_repo,
        reference=REFERENCE,
        license=metadata["license"],
    )


def _classes(metadata: Mapping) -> Raw | str:
    names = metadata["class_names"]
    if len(names) > _SHOWN_CLASSES:
        return Raw(f"{len(names):,} classes ({code_in_markdown('class_names')} in {METADATA})")
    return f"{len(names)} classes: {', '.join(map(str, names))}"


def _checkpoint(run: TrainedRun) -> str:
    weights = "The moving average of the weights" if run.weights == "average" else "The weights"
    chosen = {
        "last": "the last checkpoint",
        "best": "the best checkpoint, chosen on validation images alone",
    }
    return f"{weights} of step {run.step}, {chosen.get(run.checkpoint, 'a chosen checkpoint')}."


def _data(run: TrainedRun) -> list[str]:
    lines = []
    for split, source in run.plan.sources.items():
        manifest = run.data.get(split, {})
        count = manifest.get("examples", len(source))
        line = f"{_SPLITS[split]}: {source.name}, {count:,} images"
        digest = next((name for name in _DIGESTS if name in manifest), None)
        known = f"SHA-256 of their {digest} {manifest[digest]}" if digest else "no digest recorded"
        lines.append(f"{line}, {known}.")
    return lines


def _threat_model(run: TrainedRun, metadata: Mapping) -> list[str]:
    threat_model = run.plan.threat_model
    if threat_model is None:
        return ["Trained without an attack: no robustness is claimed."]
    low, high = metadata["pixel_range"]
    lines = [
        f"Attacked in training within {threat_model}.",
        f"In the units of the input, {low:g}..{high:g}: {metadata['epsilon']:.6g}. "
        + _meaning(threat_model),
    ]
    others = run.plan.other_threat_models.items()
    return lines + [
        f"Another attack of training, {spec}: within {other}." for spec, other in others
    ]


def _meaning(threat_model: ThreatModel) -> str:
    if threat_model.ball == "l2":
        return "The Euclidean distance of an attacked image from the image is at most that."
    return "No value of an attacked image is further from the image's than that."


def _training(run: TrainedRun) -> list[str]:
    plan, training = run.plan, run.plan.training
    recipe = f"recipe {', '.join(plan.recipe)}" if plan.recipe else "no recipe of the paper's"
    experiment = plan.experiment
    return [
        f"Strategy {experiment.strategy}, norm {experiment.norm}, {recipe}, scale "
        f"{experiment.scale}; {CONFIG} has every setting.",
        *map(_attack, _attacks(plan)),
        f"{training.epochs} epochs in batches of {training.batch_size} images, optimizer "
        f"{experiment.optimizer}, decay {experiment.decay}, seed {experiment.seed}.",
        f"tfadv at commit {run.commit or 'unknown'}.",
    ]


def _attacks(plan: Plan) -> list[Attack]:
    if not plan.strategy.attacks:
        return []
    return list(plan.attacks.values()) or [plan.attack]


def _attack(attack: Attack) -> str:
    row = {"title": attack.title} | attack.describe()
    step = f", steps of {row['step_size']:g}" if "step_size" in row else ""
    return f"Attack {attack_name(row)}{step}, in pixels of 0..255."
