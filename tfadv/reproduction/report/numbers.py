"""Accuracies and differences as a report writes them: percent and points, one decimal."""

from collections.abc import Sequence

MINUS = "−"
NONE = "—"


def percent(fraction: float) -> str:
    """Returns a fraction as ``39.2``."""
    return f"{100 * fraction:.1f}"


def percents(low: float, high: float) -> str:
    """Returns the ends of an interval, fractions, as ``36.1–42.0``."""
    return f"{percent(low)}–{percent(high)}"


def signed(value: float, decimals: int = 1) -> str:
    """Returns a difference as ``+1.2``, ``−0.3`` or ``0.0``."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def signed_ends(low: float, high: float, decimals: int = 1) -> str:
    """Returns the ends of a difference's interval as ``−3.0 to +0.5``."""
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def counted(count: int, noun: str) -> str:
    """Returns ``1 seed`` or ``3 seeds``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sample(seeds: int, images: int) -> str:
    """Returns ``3 seeds × 500 images``; without images, ``3 seeds``."""
    return " × ".join([counted(seeds, "seed"), *([counted(images, "image")] if images else [])])


def listed(words: Sequence[str]) -> str:
    """Returns ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
