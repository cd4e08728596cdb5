"""Devices that are asked for and not there are reported in one line."""

import os

import pytest

from tfadv.devices.distribution import Distribution
from tfadv.errors import UserError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "multi-worker"}, "Did you mean 'multi_worker'"),
        ({"cluster": "slrum"}, "Did you mean 'slurm'"),
        ({"communication": "ncl"}, "Did you mean 'nccl'"),
        ({"port": 0}, "Distribution.port must be in 1..65535"),
    ],
)
def test_wrong_choices_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Distribution(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "multi_worker"}, "'tf_config' can't be used: the environment variable TF_CONFIG"),
        ({"kind": "multi_worker", "cluster": "slurm"}, "Distribution.cluster = 'slurm' can't be"),
        ({"kind": "multi_worker", "cluster": "kubernetes"}, "'kubernetes' can't be used: "),
        ({"kind": "tpu", "tpu": "no-such-tpu"}, "Distribution.tpu = 'no-such-tpu' can't be used: "),
    ],
)
def test_a_cluster_that_is_not_there_is_reported_in_one_line(monkeypatch, arguments, message):
    for name in list(os.environ):
        if name.startswith(("SLURM", "TF_CONFIG", "KUBERNETES")):
            monkeypatch.delenv(name)
    with pytest.raises(UserError, match=message) as caught:
        Distribution(**arguments).create()
    assert "\n" not in caught.value.message
