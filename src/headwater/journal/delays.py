"""How long arrivals take from the door to the disk, as counts that workers can add up."""

import json
from bisect import bisect_left

_BOUNDS = [round(100 * 1.1**step) for step in range(144)]  # microseconds: 0.1 ms to 80 s, each 10 % further


class Delays:
    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)

    def add(self, microseconds: int, times: int = 1) -> None:
        self._counts[bisect_left(_BOUNDS, microseconds)] += times

    def count(self) -> int:
        return sum(self._counts)

    def quantile(self, share: float) -> float | None:
        """Seconds within which that share of arrivals was on disk; at most 10 % too high."""
        wanted = share * self.count()
        reached = 0
        for bound, count in zip([*_BOUNDS, _BOUNDS[-1]], self._counts, strict=True):
            reached += count
            if count and reached >= wanted:
                return bound / 1e6
        return None

    def as_json(self) -> str:
        return json.dumps({place: count for place, count in enumerate(self._counts) if count})

    def add_json(self, text: str) -> None:
        for place, count in json.loads(text).items():
            self._counts[int(place)] += count
