"""Latency as a mergeable histogram with a stated error: pure.

Bucket 0 holds everything up to 1 ms; bucket ``i`` holds ``(GAMMA**(i-1), GAMMA**i]`` ms; the last one holds the rest
(above :data:`LARGEST_MS`, about 36 minutes). Up to there a quantile is reported as its bucket's upper edge, so it is
never too low, and at most ``GAMMA - 1`` = 10 % too high. A limit inside a bucket splits it unseen: whoever accuses
counts with :func:`count_over`, whoever acquits with :func:`count_possibly_over`. Two histograms merge by adding their
counts, whatever order they come in.
"""

import math
from collections.abc import Sequence

GAMMA = 1.1
BUCKETS = 155
RELATIVE_ERROR = GAMMA - 1
LARGEST_MS = GAMMA ** (BUCKETS - 2)

_LOG_GAMMA = math.log(GAMMA)


def bucket_of(latency_ms: float) -> int:
    """The bucket of a latency in milliseconds; negative ones count as 0."""
    if latency_ms <= 1:
        return 0
    # Values that are an edge, up to rounding, belong below it.
    return min(math.ceil(math.log(latency_ms) / _LOG_GAMMA - 1e-9), BUCKETS - 1)


def edge(bucket: int) -> float:
    """The bucket's upper edge in milliseconds."""
    return GAMMA**bucket


def quantile(counts: Sequence[int], q: float) -> float | None:
    """The smallest edge below which at least a share ``q`` lies, or None without any count."""
    total = sum(counts)
    if total == 0:
        return None
    wanted, seen = max(1, math.ceil(q * total - 1e-9)), 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return edge(bucket)
    return edge(BUCKETS - 1)


def count_over(counts: Sequence[int], limit_ms: float) -> int:
    """How many are surely over the limit: those in buckets that begin at or above it. Never counts one too many."""
    first = bucket_of(limit_ms) + 1
    return sum(counts[first:])


def count_possibly_over(counts: Sequence[int], limit_ms: float) -> int:
    """How many may be over the limit: those in buckets that end above it. Never counts one too few."""
    bucket = bucket_of(limit_ms)
    ends_above = bucket == BUCKETS - 1 or edge(bucket) > limit_ms * (1 + 1e-9)
    return sum(counts[bucket if ends_above else bucket + 1 :])


def merge(a: Sequence[int], b: Sequence[int]) -> list[int]:
    if not a or not b:
        return list(a or b)
    return [x + y for x, y in zip(a, b, strict=True)]
