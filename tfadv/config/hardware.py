"""What a training step computes and keeps, and what that comes to on some devices."""

import dataclasses

from tfadv.errors import check, check_choice
from tfadv.registry import configurable

# TFLOP/s of dense convolutions, by the vendors' data sheets: V100 SXM2 (float32),
# A100 SXM and H100 SXM (TensorFloat-32 for float32), TPU chips (bfloat16 alone).
PEAKS = {
    "V100": {"float32": 15.7},
    "A100": {"float32": 156.0, "bfloat16": 312.0},
    "H100": {"float32": 494.7, "bfloat16": 989.4},
    "TPU v3": {"bfloat16": 123.0},
    "TPU v4": {"bfloat16": 275.0},
}


@configurable
@dataclasses.dataclass(frozen=True)
class Hardware:
    """The devices that a run is planned for; it trains on those it finds.

    Attributes:
        device: a name in `PEAKS`, or None.
        devices: how many; None takes the replicas of this machine.
        images_per_device: of a batch; says how many devices instead.
        utilization: share of the peak that a run reaches.
        bandwidth: GB/s from each device to the others.
        price_per_hour: of one device, in any currency.
        images_per_second: measured, over all devices, as ``metrics.jsonl``
            reports it; takes precedence over the peak.
    """

    device: str | None = None
    devices: int | None = None
    images_per_device: int | None = None
    utilization: float = 0.35
    bandwidth: float | None = None
    price_per_hour: float | None = None
    images_per_second: float | None = None

    def __post_init__(self):
        if self.device is not None:
            check_choice("Hardware.device", self.device, PEAKS)
        for name in (
            "devices",
            "images_per_device",
            "bandwidth",
            "price_per_hour",
            "images_per_second",
        ):
            value = getattr(self, name)
            check(value is None or value > 0, f"Hardware.{name}", "be > 0", value)
        check(0 < self.utilization <= 1, "Hardware.utilization", "be in 0..1", self.utilization)

    def count(self, batch_size: int, replicas: int) -> int:
        """Returns the number of devices, `replicas` where nothing is said."""
        if self.images_per_device:
            return max(1, batch_size // self.images_per_device)
        return self.devices or replicas

    def seconds(self, flops: dict[str, float], devices: int) -> float | None:
        """Returns how long all devices take, by the stated peaks; None without them.

        Args:
            flops: operations in each dtype.
            devices: how many share them.
        """
        peaks = PEAKS.get(self.device, {})
        if not set(flops) <= set(peaks):
            return None
        seconds = sum(count / (peaks[dtype] * 1e12) for dtype, count in flops.items())
        return seconds / devices / self.utilization

    def all_reduce_seconds(self, size: float, devices: int) -> float | None:
        """Returns how long a ring takes to add up `size` bytes; None without a bandwidth."""
        if self.bandwidth is None:
            return None
        return 2 * (devices - 1) / devices * size / (self.bandwidth * 1e9)
