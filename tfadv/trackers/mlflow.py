"""MLflow: a run in a database or on a server."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfadv.registry import TRACKERS
from tfadv.trackers.base import FAILED, FINISHED, TrackedRun, Tracker, not_installed

_STATUS = {FINISHED: "FINISHED", FAILED: "FAILED"}
_STOPPED = "KILLED"
_LONGEST_VALUE, _MOST_VALUES = 6000, 100  # of parameters, in one request
# A server that is gone is to hold a training up for seconds; MLflow's own are minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_FORBIDDEN = re.compile(r"[^\w\-. /:]")  # in MLflow's names


@TRACKERS.register("mlflow")
class MLflow(Tracker):
    """Follows a run in MLflow: parameters, metrics, pictures and the records as artifacts.

    Args:
        tracking_uri: of the store, such as ``sqlite:///mlflow.db`` or a server's; None takes
            MLflow's own choice, ``MLFLOW_TRACKING_URI`` where it is set.
        experiment: the MLflow experiment, made if there is none.

    Raises:
        UserError: MLflow is not installed.
    """

    def __init__(self, tracking_uri: str | None = None, experiment: str = "tfadv"):
        try:
            import mlflow
        except ImportError:
            raise not_installed("mlflow", "mlflow") from None
        self._mlflow = mlflow
        self._uri, self._experiment = tracking_uri, experiment

    def begin(self, run: TrackedRun) -> str:
        """Creates an MLflow run, or goes on with the one it was; returns its id."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._client = client = self._mlflow.MlflowClient(self._uri)
        if run.id:
            self._id = run.id
            client.update_run(run.id, status="RUNNING")
            return run.id
        found = client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found else client.create_experiment(self._experiment)
        created = client.create_run(experiment, run_name=run.name)
        self._id = created.info.run_id
        client.set_tag(self._id, "folder", str(run.folder.resolve()))
        parameters = [
            self._mlflow.entities.Param(_name(key), value[:_LONGEST_VALUE])
            for key, value in run.configuration.items()
        ]
        for first in range(0, len(parameters), _MOST_VALUES):
            client.log_batch(self._id, params=parameters[first : first + _MOST_VALUES])
        return self._id

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each metric."""
        now, metric = time.time_ns() // 10**6, self._mlflow.entities.Metric
        points = [metric(_name(name), float(value), now, step) for name, value in values.items()]
        self._client.log_batch(self._id, metrics=points)

    def image(self, step: int, title: str, picture: np.ndarray) -> None:
        """Adds a picture."""
        self._client.log_image(self._id, picture, key=_name(title), step=step)

    def alarm(self, step: int, line: str) -> None:
        """Sets a tag, which MLflow shows beside the run."""
        self._client.set_tag(self._id, f"alarm at step {step}", line)

    def results(self, values: Mapping[str, float], files: Sequence[Path]) -> None:
        """Adds accuracies as metrics, and the files as artifacts."""
        self.metrics(0, values)
        for file in files:
            self._client.log_artifact(self._id, str(file))

    def end(self, status: str) -> None:
        """Sets the MLflow run's status."""
        self._client.set_terminated(self._id, _STATUS.get(status, _STOPPED))


def _name(text: str) -> str:
    return _FORBIDDEN.sub("_", text)
