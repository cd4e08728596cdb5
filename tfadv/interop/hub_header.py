"""The header of a model's card on the Hugging Face hub, by which the hub lists and finds it.

Its keys are those of the hub's ``modelcard.md``; `huggingface_hub.ModelCard` reads them in a test.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tfadv.reports.console import attack_name
from tfadv.reports.templates import Raw

# Of TFDS' data sets and this package's, by the first word of their names.
_DATASETS = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "imagenet2012": "ILSVRC/imagenet-1k",
    "mnist": "ylecun/mnist",
}
# docs/hub/repositories-licenses.md of the hub: it refuses a card with any other.
_LICENSES = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-
    by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-
    by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 creativeml-
    openrail-m ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 gfdl gpl gpl-2.0 gpl-3.0 isc lgpl
    lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail
    openrail++ osl-3.0 pddl postgresql unlicense wtfpl zlib
"""
UNSPECIFIED = "unspecified"  # what --license is unless it is given
_ANY_REPO = "USER/MODEL"


class Result(NamedTuple):
    """The accuracies on one data set, by what they are of."""

    type: Raw
    name: Raw
    metrics: Mapping[Raw, float]


class Header(NamedTuple):
    """What a header is filled with: scalars of YAML, in quotes.

    Attributes:
        name: of the model.
        quoted_repo: USER/MODEL on the hub.
        license: its identifier there.
        license_name: what it is called, if the hub doesn't know it.
        dataset: that it was trained on, if the hub has it.
        results: what was measured.
    """

    name: Raw
    quoted_repo: Raw
    license: Raw
    license_name: Raw | None
    dataset: Raw | None
    results: list[Result]


def header(name: str, trained_on: str, metadata: Mapping, repo: str | None = None) -> Header:
    """Returns the header of a bundle's model.

    Args:
        name: of the model, where `repo` says none.
        trained_on: the name of the training images.
        metadata: of the bundle.
        repo: USER/MODEL on the hub, if that is known.
    """
    license_name = metadata["license"].lower()
    known = license_name in _LICENSES.split()
    unspecified = metadata["license"] == UNSPECIFIED
    dataset = _dataset(trained_on)
    records = [record for record in (metadata["accuracy"], *metadata["evaluations"]) if record]
    return Header(
        in_yaml(repo.partition("/")[2] if repo else name),
        in_yaml(repo or _ANY_REPO),
        in_yaml(license_name if known else "unknown" if unspecified else "other"),
        None if known or unspecified else in_yaml(metadata["license"]),
        dataset and in_yaml(dataset),
        _results(records, metadata["branches"]),
    )


def in_yaml(text: str) -> Raw:
    """Returns a text as a scalar in quotes, which YAML reads as JSON does."""
    line = " ".join(text.split())
    shown = "".join(character for character in line if character.isprintable())
    return Raw(json.dumps(shown, ensure_ascii=False))


def _dataset(name: str) -> str | None:
    return _DATASETS.get(name.partition(" ")[0])


def _results(records: list[Mapping], branches: list[str]) -> list[Result]:
    """Returns a result for each data set; what was measured twice counts once."""
    found: dict[str, Result] = {}
    for record in records:
        name = record["dataset"]
        slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "images"
        result = Result(in_yaml(_dataset(name) or slug), in_yaml(name), {})
        metrics = found.setdefault(name, result).metrics
        images = f"{record['examples']:,} images"
        if "classes" in record:
            images += f", {record['classes']['asked_about']} classes"
        for branch, attack, share in _shares(record):
            if branch in branches:
                key = in_yaml(f"branch {branch}, {attack}, {images}")
                metrics.setdefault(key, round(share["accuracy"], 4))
    return list(found.values())


def _shares(record: Mapping) -> Iterator[tuple[str, str, Mapping]]:
    """Yields branch, attack and accuracy of all that was measured on all of the images."""
    for branch, clean in record["clean"].items():
        yield branch, "clean", clean
    for row in record["attacks"]:
        if "after" not in row:
            yield row["branch"], attack_name(row), row
