"""Arrow columns out of numbers: text is written once and referred to, numbers are null where not known."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.sources.synthetic.dice import Bools, Ints


class Texts:
    """A fixed list of texts that columns refer to by index; index -1, and a None in the list, are null."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        different = sorted({text for text in texts if text is not None})
        place = {text: n for n, text in enumerate(different)}
        self._dictionary = pa.array(different, pa.string())
        # The last place answers index -1.
        self._places = np.array([*(-1 if text is None else place[text] for text in texts), -1], np.int32)

    def column(self, index: Ints) -> pa.Array:
        return referring(self._places[index], self._dictionary)


def referring(index: NDArray[np.integer], dictionary: pa.Array) -> pa.Array:
    """A dictionary column; the dictionary's texts are all different, and index -1 is null."""
    return pa.DictionaryArray.from_arrays(
        pa.array(index.astype(np.int32), mask=index < 0), dictionary, safe=False
    )


def referring_to_some(index: Ints, texts: pa.Array) -> pa.Array:
    """A dictionary column of the texts it needs out of a long list, so that no file holds the others."""
    needed = np.zeros(len(texts), np.bool_)
    needed[index[index >= 0]] = True
    places = np.cumsum(needed) - 1
    return referring(np.where(index >= 0, places[index], -1), texts.filter(pa.array(needed)))


def number(values: NDArray[np.generic], known: Bools | None = None) -> pa.Array:
    return pa.array(values, mask=None if known is None else ~known)


def nested(fields: dict[str, pa.Array], known: Bools | None = None) -> pa.Array:
    """A struct column, null where not known."""
    mask = None if known is None else pa.array(~known)
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields), mask=mask)


def lists(counts: Ints, elements: pa.Array) -> pa.Array:
    """A list column: so many of the elements for each row, in order."""
    return pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)), elements
    )


def nulls(count: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(count, kind)


def text_leaves(fields: pa.Schema | pa.StructType, under: str = "") -> list[str]:
    """The Parquet paths of all columns of text, however deep."""
    leaves = []
    for field in fields:
        path, kind = under + field.name, field.type
        if pa.types.is_list(kind):
            path, kind = f"{path}.list.element", kind.value_type
        if pa.types.is_struct(kind):
            leaves += text_leaves(kind, f"{path}.")
        elif pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            leaves.append(path)
    return leaves
