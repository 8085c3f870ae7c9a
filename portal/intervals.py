"""How sure a share is. Pure."""

import math

# The 97.5 % point of the standard normal: two-sided 95 %.
Z = 1.959963984540054


def wilson(count: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of ``count`` out of ``n`` (Wilson, 1927); (0, 1) without any observation."""
    if n == 0:
        return 0.0, 1.0
    share, square = count / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
