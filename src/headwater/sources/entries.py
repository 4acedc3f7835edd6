"""JSON objects of a whole column, taken apart into (row, key, value) and put together in canonical spelling.

A key or an unusual value is spelt by `event.canonical_json` once per distinct one; the rest is joined by the
column. So a column of objects and a single event can only ever have the same spelling."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.event import EXPORT_KEY, canonical_json

Rows = npt.NDArray[np.int64]

# Values whose compact JSON may differ from the canonical one: nested ones, escapes by number, numbers that
# are very long, very small, or written with an exponent.
_UNUSUAL = r"^[\[{]|\\u|^[NI]|^-[I0]|^-?[0-9.]*[eE]|^-?[0-9]{19}|^-?[0-9]{16,}\.|^-?0\.0000"


@dataclass(frozen=True)
class Entries:
    """The entries of `count` objects: entry i is of object `rows[i]` and has key `names[codes[i]]`.

    `values` are JSON texts, canonically spelt; null stands for a value that is JSON null."""

    count: int
    rows: Rows
    codes: Rows
    names: list[str]
    values: pa.StringArray

    @classmethod
    def of(cls, count: int, rows: Rows, keys: pa.Array, values: pa.Array) -> "Entries":
        encoded = pc.fill_null(keys, "").dictionary_encode()
        names = encoded.dictionary.to_pylist()
        return cls(
            count, rows, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), names, values
        )

    def texts(self, name: str) -> pa.StringArray:
        """Each object's value under `name`, as text without quotes; null where it has none."""
        found = self.find(name)
        return None if found is None else unquoted(self.values.take(found))

    def find(self, name: str) -> pa.Array | None:
        """For each object the place of its entry called `name`, null where there is none."""
        if name not in self.names:
            return None
        hits = np.flatnonzero(self.codes == self.names.index(name))
        places = np.full(self.count, -1, dtype=np.int64)
        places[self.rows[hits][::-1]] = hits[::-1]  # of two with one name the first counts
        return pa.array(places, mask=places < 0)

    def where(self, keep: npt.NDArray[np.bool_]) -> "Entries":
        return Entries(
            self.count, self.rows[keep], self.codes[keep], self.names, self.values.filter(pa.array(keep))
        )

    def objects(self) -> pa.StringArray:
        """Each object as canonical JSON, null for an empty one; the first of two equal keys counts."""
        order = sorted(range(len(self.names)), key=self.names.__getitem__)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        place = self.rows * max(len(order), 1) + (rank[self.codes] if order else 0)
        sorting = np.argsort(place, kind="stable")
        sorting = sorting[np.diff(place[sorting], prepend=-1) != 0]
        labels = pa.array([f"{canonical_json(name)}:" for name in self.names], pa.string())
        codes, values = pa.array(self.codes[sorting]), self.values.take(pa.array(sorting))
        pieces = pc.binary_join_element_wise(labels.take(codes), pc.fill_null(values, "null"), "")
        return joined(pieces, np.bincount(self.rows[sorting], minlength=self.count), "{", "}")


def joined(pieces: pa.StringArray, lengths: Rows, opening: str, closing: str) -> pa.StringArray:
    """Consecutive pieces, `lengths[i]` for row i, joined by commas in brackets; null where there are none."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    lists = pa.ListArray.from_arrays(pa.array(offsets), pieces)
    inner = pc.binary_join(lists, ",")
    whole = pc.binary_join_element_wise(opening, inner, closing, "")
    return pc.if_else(pa.array(lengths > 0), whole, pa.scalar(None, pa.string()))


def respelt(values: pa.StringArray) -> pa.StringArray:
    """Compact JSON texts in canonical spelling."""
    unusual = pc.fill_null(pc.match_substring_regex(values, _UNUSUAL), False)
    if not pc.any(unusual).as_py():
        return values
    respelt = distinct(values.filter(unusual), lambda text: canonical_json(json.loads(text)))
    return pc.replace_with_mask(values, unusual, respelt)


def quoted(texts: pa.StringArray) -> pa.StringArray:
    """Texts as JSON strings."""
    plain = pc.binary_join_element_wise('"', texts, '"', "")
    to_escape = pc.fill_null(pc.match_substring_regex(texts, r'[\x00-\x1f"\\]'), False)
    if not pc.any(to_escape).as_py():
        return plain
    escaped = distinct(texts.filter(to_escape), canonical_json)
    return pc.replace_with_mask(plain, to_escape, escaped)


def unquoted(values: pa.StringArray) -> pa.StringArray:
    """JSON texts as plain texts: strings without their quotes, everything else as it stands."""
    is_text = pc.fill_null(pc.starts_with(values, '"'), False)
    inner = pc.utf8_slice_codeunits(values, 1, -1)
    plain = pc.if_else(is_text, inner, values)
    escaped = pc.fill_null(pc.and_(is_text, pc.match_substring(values, "\\")), False)
    if not pc.any(escaped).as_py():
        return plain
    return pc.replace_with_mask(plain, escaped, distinct(values.filter(escaped), json.loads))


def of_doubles(numbers: pa.Array) -> pa.StringArray:
    """Floating-point numbers as canonical JSON, spelt once per distinct one; NaN is null."""
    encoded = numbers.cast(pa.float64()).dictionary_encode()
    spelt = [canonical_json(number) for number in encoded.dictionary.to_pylist()]
    texts = pa.array([None if text == "null" else text for text in spelt], pa.string())
    return texts.take(encoded.indices)


def distinct(values: pa.StringArray, spell: Callable[[str], Any]) -> pa.StringArray:
    """`spell` of each value, asked once per distinct one; null stays null."""
    encoded = values.dictionary_encode()
    return pa.array([spell(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(
        encoded.indices
    )


def repeats_a_key(entries: Entries) -> npt.NDArray[np.bool_]:
    """Which objects hold a key twice."""
    repeated = np.zeros(entries.count, dtype=bool)
    for first in range(0, len(entries.names), 32):
        inside = (entries.codes >= first) & (entries.codes < first + 32)
        rows = entries.rows[inside]
        if not len(rows):
            continue
        bits = np.int64(1) << (entries.codes[inside] - first)
        starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        repeated[rows[starts]] |= np.add.reduceat(bits, starts) != np.bitwise_or.reduceat(bits, starts)
    return repeated


def split_export(entries: Entries) -> tuple[pa.StringArray, pa.StringArray | None]:
    """The objects without the export's own addition, and that addition."""
    found = entries.find(EXPORT_KEY)
    if found is None:
        return entries.objects(), None
    keep = entries.codes != entries.names.index(EXPORT_KEY)
    return entries.where(keep).objects(), entries.values.take(found)
