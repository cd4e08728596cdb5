"""A trace made by hand, whose shares are known."""

import pytest
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tfadv.profiling import operations
from tfadv.profiling.shares import CALL, Work, shares_of

SECOND = 10**12  # picoseconds
CONVOLUTION, ADDITION = "net/Conv2D:_MklNativeConv2D", "net/add:AddV2"
WAIT = "IteratorGetNextOp::DoCompute"


def add_line(plane, name, *events, begins=0):
    """Adds a line of events (name, begin, end), in seconds after `begins`."""
    line = plane.lines.add(name=name, timestamp_ns=int(begins * 1e9))
    ids = {meta.name: key for key, meta in plane.event_metadata.items()}
    for title, begin, end in events:
        key = ids.setdefault(title, len(ids) + 1)
        plane.event_metadata[key].id = key
        plane.event_metadata[key].name = title
        line.events.add(
            metadata_id=key,
            offset_ps=round(begin * SECOND),
            duration_ps=round((end - begin) * SECOND),
        )
    return line


@pytest.fixture
def space():
    """Two calls of 10 and 2 seconds; operations on two threads; a wait; what is left out."""
    space = xplane_pb2.XSpace()
    host = space.planes.add(name="/host:CPU")
    add_line(host, "python", (CALL, 1, 11), ("other", 0, 20), (CALL, 15, 17))
    # Both run in 4..6: a second for each. The call has begun at 1, the operation before it.
    add_line(host, "tf_Compute/1", (CONVOLUTION, 0, 6), ("ExecutorState::Process", 0, 20))
    add_line(host, "tf_Compute/2", (ADDITION, 1, 3), begins=3)
    add_line(host, "tf_Compute/3", (CONVOLUTION, 12, 14), ("f:PartitionedCall", 1, 17))
    # 7..9 is waited for, and so is nothing of 5..7, where something runs until 6.
    add_line(host, "tf_data_iterator_get_next/4", (WAIT, 5, 9), (ADDITION, 9, 11))
    return space


def test_time_is_shared_among_what_runs(space):
    shares = shares_of(space)
    assert shares.total == pytest.approx(12)
    assert shares.seconds == pytest.approx(
        {
            operations.FORWARD: 3 + 1,
            operations.ELEMENTWISE: 1,
            operations.INPUT_WAIT: 3,
            operations.HOST: 2 + 2,
        }
    )
    assert shares.operations == pytest.approx(
        {Work(operations.FORWARD, "Conv2D"): 4, Work(operations.ELEMENTWISE, "Add"): 1}
    )


def test_kernels_of_accelerators_count_instead(space):
    for number in range(2):
        device = space.planes.add(name=f"/device:GPU:{number}")
        device.stat_metadata[1].name = "tf_op"
        device.stat_metadata[2].name = "net/gradient_tape/Conv2D:Conv2D"
        named = add_line(device, "Stream #13(compute)", ("kernel", 2, 4 + 2 * number))
        named.events[0].stats.add(metadata_id=1, ref_value=2)
        add_line(device, "Stream #14(memcpy)", ("MemcpyH2D", 15, 16))
        add_line(device, "XLA Modules", ("a module", 1, 17))  # says the same once more
    assert shares_of(space).seconds == pytest.approx(
        {
            operations.BY_IMAGES: 4,
            operations.LAYOUT: 1,
            operations.INPUT_WAIT: 3,  # 6..9
            operations.HOST: 1 + 2 + 1,
        }
    )
