"""The card of a bundle or a hub folder: what was trained, on what, and what was measured of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfadv.attacks.threat_model import ThreatModel
from tfadv.interop.bundle_format import CONFIG, METADATA, REFERENCE
from tfadv.interop.hub_header import Header
from tfadv.interop.saved_model import DEFAULT_ENDPOINT
from tfadv.pixels import units_per_pixel
from tfadv.reports.console import attack_name
from tfadv.reports.robustbench import ATTACK as AUTOATTACK
from tfadv.reports.templates import Raw, code_in_markdown, render_markdown
from tfadv.runs.trained_run import TrainedRun

_ROOM = "tfadv.interop"
_SPLITS = {"train": "Training", "extra": "Further training", "validation": "Validation"}
_SPLITS |= {"test": "Test"}
# What tells images apart, the most telling first, of a manifest.
_DIGESTS = ("pixels", "contents", "sizes", "names")
_SHOWN_CLASSES = 20
_USUAL_RADIUS = 8.0  # in pixels, of the code where a model was trained without an attack


class Row(NamedTuple):
    """A line of a table of accuracies."""

    branch: str
    attack: str
    accuracy: str
    interval: str


class Table(NamedTuple):
    """What one record says."""

    caption: str
    rows: list[Row]
    starred: bool


def model_card(run: TrainedRun, metadata: Mapping, header: Header | None = None) -> str:
    """Returns the card, as Markdown.

    Args:
        run: what is handed on.
        metadata: of its bundle, whose records are of its weights.
        header: of a card on the hub; None writes a bundle's.
    """
    height, width, channels = metadata["input_shape"]
    low, high = metadata["pixel_range"]
    records, branches = _records(metadata), metadata["branches"]
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
        branches=len(branches),
        checkpoint=_checkpoint(run),
        data=_data(run),
        threat_model=_threat_model(run, metadata),
        training=_training(run),
        tables=[_table(caption, record, branches) for caption, record in records],
        autoattack=_autoattack([record for _, record in records], branches),
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


def _records(metadata: Mapping) -> list[tuple[str, Mapping]]:
    found = [("As the training run measured it", metadata["accuracy"])]
    found += [("As tfadv.evaluate measured it", record) for record in metadata["evaluations"]]
    return [(caption, record) for caption, record in found if record]


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
    lines = [
        f"Strategy {experiment.strategy}, norm {experiment.norm}, {recipe}, scale "
        f"{experiment.scale}; {CONFIG} has every setting.",
        f"{training.epochs} epochs in batches of {training.batch_size} images, optimizer "
        f"{experiment.optimizer}, decay {experiment.decay}, seed {experiment.seed}.",
        f"tfadv at commit {run.commit or 'unknown'}.",
    ]
    attacks = plan.attacks or {experiment.attack: plan.attack}
    for spec, attack in attacks.items() if plan.strategy.attacks else ():
        row = {"attack": spec, "title": attack.title} | attack.describe()
        step = f", steps of {row['step_size']:g}" if "step_size" in row else ""
        lines.insert(1, f"Attack {attack_name(row)}{step}, in pixels of 0..255.")
    return lines


def _table(caption: str, record: Mapping, branches: Sequence[str]) -> Table:
    rows = [_row(branch, "clean", record["clean"][branch]) for branch in _of(record, branches)]
    for row in record["attacks"]:
        if row["branch"] in branches:
            name = f"{attack_name(row)} *" if "after" in row else attack_name(row)
            rows.append(_row(row["branch"], name, row))
    worst = record.get("worst_case", {})
    rows += [_row(branch, "worst case", worst[branch]) for branch in branches if branch in worst]
    images = f"{record['examples']:,} images of {record['dataset']}"
    if "classes" in record:
        images += f", between {record['classes']['asked_about']} of the classes"
    starred = any(row.attack.endswith("*") for row in rows)
    return Table(f"{caption}, on {images}", rows, starred)


def _of(record: Mapping, branches: Sequence[str]) -> list[str]:
    return [branch for branch in branches if branch in record["clean"]]


def _row(branch: str, attack: str, share: Mapping) -> Row:
    low, high = share["ci95"]
    return Row(branch, attack, f"{share['accuracy']:.1%}", f"{low:.1%} to {high:.1%}")


def _autoattack(records: Sequence[Mapping], branches: Sequence[str]) -> list[Raw | str]:
    """Returns what AutoAttack left of each branch, or that it was not run."""
    lines: list[Raw | str] = []
    for branch in branches:
        rows = [
            row
            for record in records
            for row in record["attacks"]
            if (row["attack"], row["branch"]) == (AUTOATTACK, branch)
        ]
        lines += [_measured(branch, row) for row in rows]
        if not rows:
            where = code_in_markdown(branch)
            lines.append(Raw(f"**AutoAttack: not measured** on the branch {where}."))
    return lines


def _measured(branch: str, row: Mapping) -> Raw:
    low, high = row["ci95"]
    within = ThreatModel(row["epsilon"], row["ball"])
    text = (
        f"**AutoAttack: {row['accuracy']:.1%}** ({low:.1%} to {high:.1%}) on the branch "
        f"{code_in_markdown(branch)}, {row['examples']:,} images, {within}"
    )
    if row.get("left_out"):
        text += f"; without {', '.join(map(code_in_markdown, row['left_out']))}"
    if row.get("version") == "custom":
        text += "; not with its standard settings"
    return Raw(f"{text}.")
