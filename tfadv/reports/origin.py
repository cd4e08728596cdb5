"""Whose numbers a record holds: the run, how it was trained, on what it was measured, when."""

import json
from collections.abc import Iterator, Mapping, Sequence

from tfadv.plots.curves import threat_text
from tfadv.plots.paper_curve import row_of_record

SHORT = 12  # letters of a commit
_PLACES = {"run": "run", "bundle": "bundle", "model_file": "model file"}
_IN_IDENTITY = {"recipe", "strategy", "norm", "scale", "name", "parameters", "threat_model"}
_OF_RUN = ("checkpoint", "step", "weights_kind")


def identity(record: Mapping) -> list[tuple[str, str]]:
    """Returns what a reader must know first, by name; what the record doesn't say is left out."""
    model, made = record["model"], record.get("provenance", {})
    found = [(title, _place(made[key], model)) for key, title in _PLACES.items() if key in made]
    if "recipe" in model:
        found.append(("recipe", _recipe(record, model["recipe"])))
    found += [(key, str(model[key])) for key in ("strategy", "norm", "scale") if key in model]
    found.append(("model", _network(model)))
    found += _threat_models(record)
    found.append(("data", f"{record['examples']} images of {record['dataset']}"))
    for name, trained, evaluated in (
        ("date", made.get("trained"), made.get("evaluated")),
        ("commit", short(made.get("trained_commit")), short(made.get("commit"))),
    ):
        words = [
            f"{what} {value}"
            for what, value in (("trained", trained), ("evaluated", evaluated))
            if value
        ]
        if words:
            found.append((name, ", ".join(words)))
    return found


def facts(record: Mapping) -> list[tuple[str, str]]:
    """Returns what else is known of the model and of the measurement, by name."""
    low, high = record["pixel_range"]
    found = [("pixel range", f"{low:g}..{high:g}: ε and step sizes are in these units")]
    found.append(("intervals", "95% Wilson score intervals of a share"))
    if version := record.get("provenance", {}).get("version"):
        found.append(("tfadv", version))
    others = {k: v for k, v in record["model"].items() if k not in {*_IN_IDENTITY, *_OF_RUN}}
    return [*found, *((key.replace("_", " "), as_text(value)) for key, value in others.items())]


def short(commit: str | None) -> str | None:
    """Returns a commit that a line has room for, and whether there were changes to it."""
    return commit and commit[:SHORT] + commit[40:]


def as_text(value: object) -> str:
    """Returns a value of a record in words."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _place(path: str, model: Mapping) -> str:
    """Returns a path, and which of a run's weights were taken."""
    words = [f"{key} {model[key]}" for key in _OF_RUN if model.get(key) is not None]
    return f"{path} ({', '.join(words).replace('weights_kind', 'weights')})" if words else path


def _network(model: Mapping) -> str:
    count = f", {model['parameters']:,} parameters" if "parameters" in model else ""
    return f"{model['name']}{count}"


def _threat_models(record: Mapping) -> Iterator[tuple[str, str]]:
    words = []
    if "threat_model" in record["model"]:
        trained = record["model"]["threat_model"]
        words.append(f"trained to withstand {threat_text(trained) if trained else 'no attack'}")
    if record.get("epsilon") is not None:
        words.append(f"attacked within {threat_text(record)}")
    if words:
        yield "threat model", ", ".join(words)


def _recipe(record: Mapping, files: Sequence[str] | None) -> str:
    if files is None:
        return "none of the paper's: the configuration is another"
    row = row_of_record(record)
    name = f"the paper's row '{row.name}', {row.where}: " if row else ""
    return name + " + ".join(files)
