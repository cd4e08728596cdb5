"""Names of what lies in a run's folder, and in its metrics."""

CONFIG = "config.gin"
NOTES = "run.json"
METRICS = "metrics.jsonl"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"
NON_FINITE = "non_finite"
PROFILE = "profile"
LOCK = "writer.lock"
VALIDATION = "validation"  # the kind of a validation's lines
