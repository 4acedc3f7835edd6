"""Chance that does not depend on order: what happens in a visit is a function of the visit's own salt.

So a visit that runs past midnight can be told twice, once for each day's file, and comes out the same both
times, and days can be written by several threads in any order.
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Salts = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def salted(salt: Salts, question: int | Ints) -> Salts:
    """A new salt for each pair of salt and question (the finaliser of splitmix64)."""
    mixed = salt + _STEP * (np.atleast_1d(np.asarray(question)).astype(np.uint64) + np.uint64(1))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    answer: Salts = mixed ^ (mixed >> np.uint64(31))
    return answer


def roll(salt: Salts, question: int | Ints) -> Floats:
    """An even number from 0 to below 1 for each pair of salt and question."""
    even: Floats = (salted(salt, question) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return even


def pick(salt: Salts, question: int | Ints, sides: int) -> Ints:
    """An even choice from 0 to sides less one for each pair of salt and question."""
    return (roll(salt, question) * sides).astype(np.int64)


def weighted(chance: Floats, weights: list[float] | Floats) -> Ints:
    """The index that each even number between 0 and 1 falls on, when index i is as wide as its weight."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(edges[:-1] / edges[-1], chance, side="right")
