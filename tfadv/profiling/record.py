"""What ``profile.json`` says of profiled steps."""

from collections.abc import Mapping

from tfadv.devices.local import processor_name
from tfadv.devices.matrix_rate import matrix_product_rate
from tfadv.profiling.operations import KINDS
from tfadv.profiling.shares import Shares

LARGEST = 12  # operations that are named


def profile_record(
    shares: Shares, steps: int, flops: Mapping[str, float], devices: int = 1
) -> dict[str, object]:
    """Returns the record, of JSON values.

    Args:
        shares: where the time went.
        steps: that it is of.
        flops: operations that they came to, by dtype; none, where they can't be counted.
        devices: how many accelerators computed at once.

    Returns:
        ``shares`` of the ``seconds`` by kind of work, which sum to 1; the ``largest``
        operations; and ``flops``, ``flops_per_second``, the machine's
        ``matrix_products_per_second`` by dtype, in operations too, and ``share_of_peak``: the
        time in which matrix products would do as many operations, in parts of the time it took.
    """
    total = shares.total
    largest = sorted(shares.operations.items(), key=lambda item: -item[1])[:LARGEST]
    rates = {dtype: matrix_product_rate(dtype, devices) for dtype in flops}
    record = {
        "steps": steps,
        "seconds": total,
        "machine": processor_name(),
        "shares": {kind: shares.seconds.get(kind, 0.0) / total for kind in KINDS},
        "largest": [
            {"operation": work.name, "kind": work.kind, "share": seconds / total}
            for work, seconds in largest
        ],
    }
    if not flops:
        return record
    return record | {
        "flops": dict(flops),
        "flops_per_second": sum(flops.values()) / total,
        "matrix_products_per_second": rates,
        "share_of_peak": sum(count / rates[dtype] for dtype, count in flops.items()) / total,
    }
