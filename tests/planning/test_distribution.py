"""Devices that are asked for and not there are reported in one line."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.planning.distribution import Distribution


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


@pytest.mark.parametrize("size", [3, 5])
def test_one_run_after_another_in_a_process_sums_over_its_replicas(size):
    """Two distributions would number their collectives alike: the second's shape is refused."""
    distribution = Distribution(kind="mirrored").create()
    assert distribution.num_replicas_in_sync == 2

    def summed():
        context = tf.distribute.get_replica_context()
        mine = tf.fill([size], 1.0 + tf.cast(context.replica_id_in_sync_group, tf.float32))
        return context.all_reduce("sum", mine)

    found = tf.function(lambda: distribution.run(summed))()
    for part in distribution.experimental_local_results(found):
        np.testing.assert_array_equal(part, np.full(size, 3.0))
