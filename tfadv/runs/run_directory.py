"""The folder of one run: what was asked, where it ran and what came out."""

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv import digests
from tfadv.config import Config
from tfadv.data import Source
from tfadv.errors import UserError
from tfadv.files import PARTIAL, check_place, read_json_lines, read_record, write_record, write_text
from tfadv.runs import saved_steps
from tfadv.runs.division import may_change
from tfadv.runs.lock_file import SUFFIX
from tfadv.runs.run_files import CHECKPOINTS, CONFIG, LOCK, METRICS, NOTES, RESULTS
from tfadv.runs.start_record import start_record

# What run.json holds of a run's images and weights.
_IDENTITY = ("data", "initial_weights", "model_file", "transfer_from")
# The Keras model that Python code has a run start from.
GIVEN_MODEL = "model.keras"
_LONGEST_NAME = 200
_NOTES_REMEDY = (
    "put it back from a copy, or remove it: then nothing tells whether the images are still those "
    "of the run"
)
_RESULTS = {"clean": dict, "attacks": list}
_RESULTS_REMEDY = "remove it, and the command that trained the run evaluates once more"


class RunDirectory:
    """A run's files. It never overwrites another run.

    Args:
        path: the folder; made by `claim`.
    """

    def __init__(self, path: Path):
        self.path = path

    @property
    def results_path(self) -> Path:
        """The finished run's record."""
        return self.path / RESULTS

    @property
    def lock_path(self) -> Path:
        """The lock's file, for as long as the run is being written."""
        return self.path / LOCK

    @property
    def checkpoints_path(self) -> Path:
        """The folder of the run's checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def has_checkpoint(self) -> bool:
        """Whether the run was saved at least once, be it whole or not."""
        return saved_steps.any_saved(self.checkpoints_path)

    @property
    def is_claimed(self) -> bool:
        """Whether the folder is a run's, be it begun or not."""
        return (self.path / CONFIG).is_file()

    @property
    def has_begun(self) -> bool:
        """Whether there is something of the run that can be resumed."""
        return self.has_checkpoint or self.results_path.is_file()

    def check(self, config: Config) -> None:
        """Raises `UserError` if something else than this very run is here."""
        check_place(self.path, "model_dir")
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UserError(f"--model_dir: '{self.path}' is a file, not a folder")
        if all(_is_leftover(path.name) for path in self.path.iterdir()):
            return
        written = self.path / CONFIG
        if not written.is_file():
            raise UserError(
                f"'{self.path}' is not empty and holds no run: choose another --model_dir"
            )
        differing = changed(written.read_text(encoding="utf-8"), config.text())
        difference = _in_words({k: v for k, v in differing.items() if not may_change(k)})
        if difference:
            raise UserError(
                f"'{self.path}' holds a run with another config ({difference}): "
                "choose another --model_dir, or remove that folder"
            )

    def claim(
        self,
        config: Config,
        devices: Sequence[str],
        seed: int,
        identity: Mapping[str, object] | None = None,
        division: Mapping[str, object] | None = None,
    ) -> None:
        """Makes the folder and records this start.

        Args:
            config: the run's configuration.
            devices: names of the devices.
            seed: the run's.
            identity: digests of its images and weights, as `identity.check_run` returns
                them; the first start's stay.
            division: of a batch, as `TrainingStep.division` returns it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / CONFIG).exists():
            write_text(self.path / CONFIG, config.text())
        record = self._noted() or {"seed": seed, "starts": []}
        written = (self.path / CONFIG).read_text(encoding="utf-8")
        differing = {key: list(values) for key, values in changed(written, config.text()).items()}
        start = start_record(devices) | dict(division or {})
        record["starts"].append(start | ({"changed": differing} if differing else {}))
        write_record(self.path / NOTES, {**(identity or {}), **record})

    def note_skipped(self, sources: Mapping[str, Source]) -> None:
        """Records how many images are skipped, which, and why, where there are any.

        Args:
            sources: all images, by what they are for.

        Raises:
            UserError: the run's folder is gone.
        """
        skipped = {
            split: {
                "count": len(source.skipped),
                "files": {source.title(n): reason for n, reason in source.skipped.items()},
            }
            for split, source in sources.items()
            if source.skipped
        }
        record = self._noted()
        if record is None:
            raise UserError(
                f"'{self.path / NOTES}' is gone while the run goes on: put that folder back, and "
                "the same command resumes from the newest checkpoint in it"
            )
        if record.get("skipped_images", {}) != skipped:
            write_record(self.path / NOTES, {**record, "skipped_images": skipped})

    def identity(self) -> dict[str, object]:
        """Returns the digests of images and weights that the run was started with."""
        record = self._noted() or {}
        return {part: record[part] for part in _IDENTITY if part in record}

    def bound_to(self) -> dict[str, str]:
        """Returns digests of the configuration and the images, for the run's checkpoints."""
        written, data = self.path / CONFIG, self.identity().get("data")
        found = {}
        if written.is_file():
            values = bindings(written.read_text(encoding="utf-8"))
            found["configuration"] = digests.of_texts(itertools.chain(*sorted(values.items())))
        if data:
            found["data"] = digests.of_texts([json.dumps(data, sort_keys=True)])
        return found

    def results(self) -> dict | None:
        """Returns the finished run's record, or None."""
        path = self.results_path
        return read_record(path, _RESULTS_REMEDY, _RESULTS) if path.exists() else None

    def write_results(self, record: dict) -> None:
        """Writes the finished run's record."""
        write_record(self.results_path, record)

    def starts(self) -> list[dict]:
        """Returns when, where and with what the run was started, oldest first."""
        return (self._noted() or {"starts": []})["starts"]

    def note_start(self, **values: object) -> None:
        """Adds JSON values to the record of the latest start."""
        record = self._noted()
        record["starts"][-1].update(values)
        write_record(self.path / NOTES, record)

    def note(self, **values: object) -> None:
        """Sets JSON values of the run's record."""
        write_record(self.path / NOTES, {**self._noted(), **values})

    def precision(self) -> dict[str, dict]:
        """Returns what was noted of the dtypes that 'auto' came to, by parameter."""
        return (self._noted() or {}).get("precision", {})

    def tracked(self) -> dict[str, dict] | None:
        """Returns what `Tracking` noted; None where it never did."""
        return (self._noted() or {}).get("trackers")

    def skipped_steps(self, step: int) -> int:
        """Returns how many of the first `step` steps the metrics say were skipped."""
        return sum(m.get("skipped_steps", 0) for m in self.metrics() if m["step"] <= step)

    def forget_metrics_after(self, step: int) -> None:
        """Drops the metrics of steps that a resumed run will do again."""
        kept = [metrics for metrics in self.metrics() if metrics["step"] <= step]
        lines = (json.dumps(metrics, allow_nan=False) + "\n" for metrics in kept)
        write_text(self.path / METRICS, "".join(lines))

    def metrics(self) -> list[dict]:
        """Returns the metrics that were noted, oldest first; damaged ones are left out."""
        return read_json_lines(self.path / METRICS, "step")

    def append_metrics(self, metrics: dict, lasting: bool = False) -> None:
        """Appends one line to ``metrics.jsonl``.

        Args:
            metrics: JSON values.
            lasting: whether to wait until it would outlive a loss of power.
        """
        with open(self.path / METRICS, "a", encoding="utf-8") as file:
            file.write(json.dumps(metrics, allow_nan=False) + "\n")
            if lasting:
                file.flush()
                os.fsync(file.fileno())

    def _noted(self) -> dict | None:
        """Returns what ``run.json`` holds, None where there is none."""
        path = self.path / NOTES
        return read_record(path, _NOTES_REMEDY, {"starts": list}) if path.exists() else None


def default_path(config: Config, bindings: Sequence[str]) -> Path:
    """Returns ``runs/RECIPE-SCALE``, and the bindings where there are some.

    A name that is too long ends in a digest of what was cut off.
    """
    names = sorted(config.files, key=lambda name: "scale" in Path(name).parts)
    parts = [_short_name(Path(name)) for name in names]
    parts += ["".join(c if c.isalnum() or c in "._=-" else "" for c in text) for text in bindings]
    name = "-".join(parts)
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{digests.of_texts([name])[:8]}"
    return Path("runs") / name


def _is_leftover(name: str) -> bool:
    """Returns whether a file is what a start that was killed leaves, before it claims a folder."""
    return name == GIVEN_MODEL or name.endswith((SUFFIX, PARTIAL))


def _short_name(path: Path) -> str:
    """Returns ``mbn`` for gin/mbn.gin, ``digits`` for gin/scale/digits.gin, ``depth_638``."""
    folders = path.parts[:-1]
    overlay = folders[-2:-1] == ("gin",) and folders[-1] != "scale"
    return f"{folders[-1]}_{path.stem}" if overlay else path.stem


def changed(old: str, new: str) -> dict[str, tuple[str, str]]:
    """Returns the bindings that differ between two configurations, and both values."""
    old_values, new_values = bindings(old), bindings(new)
    return {
        key: (old_values.get(key, "unset"), new_values.get(key, "unset"))
        for key in sorted(old_values | new_values)
        if old_values.get(key) != new_values.get(key)
    }


def _in_words(changed: Mapping[str, tuple[str, str]]) -> str:
    """Returns the first bindings that differ, as ``Name.parameter: old → new``."""
    texts = [f"{key}: {old} → {new}" for key, (old, new) in changed.items()]
    more = f"; {len(texts) - 3} more" if len(texts) > 3 else ""
    return "; ".join(texts[:3]) + more


def bindings(text: str) -> dict[str, str]:
    """Returns the values that a written configuration binds, and the sources that it imports."""
    joined = text.replace("\\\n", " ")
    pairs, key = {}, ""
    for line in joined.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if " = " in line and not line.startswith(" "):
            key, value = line.split(" = ", 1)
            pairs[key] = value.strip()
        elif line.startswith("import "):
            module, _, source = line.partition(" # ")
            pairs[module] = source or "imported"
        elif key:
            pairs[key] += " " + line.strip()
    return pairs
