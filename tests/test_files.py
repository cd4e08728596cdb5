"""What is written is strict JSON."""

import json
import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_evaluator import make_evaluator, network
from shared.random_bundles import bundle_of, random_run
from shared.smoke_trainers import make_plan, mirrored, one_device
from tfadv import config, randomness
from tfadv.attacks.base import NOT_FINITE, classified
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.files import write_json
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.runs.run_directory import RunDirectory
from tfadv.strategies import CLEAN
from tfadv.strategies.standard import Standard
from tfadv.training.finite import not_finite, require_finite


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert not (tmp_path / "a.json").exists()
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunDirectory(tmp_path).append_metrics({"loss": float("inf")})
    write_json(tmp_path / "a.json", {"accuracy": 0.5})
    assert json.loads((tmp_path / "a.json").read_text()) == {"accuracy": 0.5}
