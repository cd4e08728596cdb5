"""A profile as a terminal shows it."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

NAMED = 5  # operations


def profile_table(record: dict) -> Table:
    """Returns the shares of a profile's time, largest operations and speed.

    Args:
        record: as in ``profile.json``.
    """
    seconds, steps = record["seconds"], record["steps"]
    title = f"{steps} profiled step(s), {seconds / steps:.3g} s each"
    table = Table("time in", "share", title=title, caption=_speed(record))
    for kind, share in record["shares"].items():
        if share:
            table.add_row(kind, f"{share:.1%}")
    table.add_section()
    for row in record["largest"][:NAMED]:
        table.add_row(f"{row['operation']:.40} ({row['kind']})", f"{row['share']:.1%}")
    return table


def show_on(console: Console) -> Callable[[dict, Path], None]:
    """Returns a function that prints a profile's record and where it is."""

    def show(record: dict, folder: Path) -> None:
        console.print(profile_table(record))
        console.print(
            f"profile: {folder} (with xprof, tensorboard --logdir={folder} shows its trace)"
        )

    return show


def _speed(record: dict) -> str | None:
    if "flops" not in record:
        return None
    rates = record["matrix_products_per_second"].items()
    peak = ", ".join(f"{rate / 1e9:.4g} in {dtype}" for dtype, rate in rates)
    return (
        f"{record['flops_per_second'] / 1e9:.4g} GFLOP/s; matrix products here {peak}: "
        f"{record['share_of_peak']:.0%} of that"
    )
