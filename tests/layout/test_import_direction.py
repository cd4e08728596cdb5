"""Imports point one way, and two modules alone know gin."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "tfadv"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Each layer may import itself and the layers above it in this list.
LAYERS = [
    {"errors", "annotations", "digests", "tfadv"},
    {"registry", "gin_files"},
    {"plugin_sources"},
    {"plugin_modules"},
    {"randomness", "config", "devices", "pixels"},
    {
        "norms",
        "attacks",
        "losses",
        "data",
        "schedules",
        "optimizers",
        "metrics",
        "distribution",
        "finite",
    },
    {"models"},
    {"strategies", "summaries", "weight_average", "paper"},
    {"settings", "evaluation_settings", "checkpoints", "run_directory", "progress", "hardware"},
    {"initial_weights", "plan_checks"},
    {"experiment", "paper_rows"},
    {"trained_run", "saved_model"},
    {"bundle"},
    {"foreign_model", "loaded_bundle"},
    {"identity"},
    {"adapters"},
    {"foreign_check"},
    {"attack_runs", "verdicts"},
    {"judge", "tally"},
    {"ledger"},
    {"clean_side", "surrogate"},
    {"doctor"},
    {"signs"},
    {"evaluator", "training_step", "journal"},
    {"trainer"},
    {"reports"},
    {"command_line", "dry_run", "testing", "plugin_templates", "comparison", "evaluation_report"},
    {"train", "evaluate", "export", "plugins", "compare"},
]
# Within their layer too, these know nothing of models or of each other.
INDEPENDENT = {
    "norms": {"norms"},
    "attacks": {"attacks", "devices", "losses", "pixels", "randomness"},
    "losses": set(),
    "data": {"data", "digests", "randomness"},
    "schedules": set(),
    "reports": {"reports", "paper", "progress", "run_directory"},
}
ALWAYS = {"annotations", "errors", "registry", "tfadv"}


def layer_of(part):
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def part_of(path):
    first = path.relative_to(PACKAGE).parts[0]
    return "tfadv" if first == "__init__.py" else first.removesuffix(".py")


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(path):
    for module in imported_modules(path):
        root, _, rest = module.partition(".")
        part = rest.partition(".")[0]
        if (
            root == "tfadv"
            and part
            and ((PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").exists())
        ):
            yield part


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    part = part_of(path)
    for imported in imported_parts(path):
        assert layer_of(imported) <= layer_of(part), f"{part} imports {imported}"
        if part in INDEPENDENT:
            assert imported in INDEPENDENT[part] | ALWAYS, f"{part} imports {imported}"


def test_only_registry_and_config_know_gin():
    knowing = {
        part_of(path)
        for path in MODULES
        if any(module.partition(".")[0] == "gin" for module in imported_modules(path))
    }
    assert knowing == {"registry", "config", "gin_files"}
