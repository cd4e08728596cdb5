"""Names of what lies in a run's folder."""

CONFIG = "config.gin"
NOTES = "run.json"
METRICS = "metrics.jsonl"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"
NON_FINITE = "non_finite"
LOCK = "writer.lock"
