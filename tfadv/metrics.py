"""Shares and how far to trust them."""

import math


def wilson_interval(successes: int, trials: int) -> list[float]:
    """Returns the 95% Wilson score interval of a share.

    Args:
        successes: images counted, 0..trials.
        trials: images in all, > 0.

    Returns:
        [low, high], both in 0..1.
    """
    z = 1.959963984540054
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return [max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)]


def share(successes: float, trials: float) -> dict[str, object]:
    """Returns an accuracy record: the fraction and its 95% interval."""
    successes, trials = int(successes), int(trials)
    return {"accuracy": successes / trials, "ci95": wilson_interval(successes, trials)}
