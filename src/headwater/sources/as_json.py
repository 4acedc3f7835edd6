"""Arrow columns of any type as JSON texts; nulls and empty values are left out at every depth."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.event import canonical_json
from headwater.sources import entries


def as_json(column: pa.Array) -> pa.StringArray:
    """Each value as JSON; null for one that is null or empty."""
    kind = column.type
    if column.null_count == len(column):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_dictionary(kind):
        return as_json(column.dictionary).take(column.indices)
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return filled(dict(sorted(zip(names, column.flatten(), strict=True))), len(column))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list(column)
    if pa.types.is_floating(kind):
        return entries.of_doubles(column)
    text = column.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        return text
    is_empty = pc.equal(text, "")
    if pc.any(is_empty).as_py():
        text = pc.if_else(is_empty, pa.scalar(None, pa.string()), text)
    return entries.quoted(text)


def filled(fields: dict[str, pa.Array], count: int) -> pa.StringArray:
    """Objects of these fields; null for one in which all are null or empty."""
    pieces = []
    for name, column in fields.items():
        texts = as_json(column)
        if texts.null_count < count:
            pieces.append(pc.binary_join_element_wise(f",{canonical_json(name)}:", texts, ""))
    if not pieces:
        return pa.nulls(count, pa.string())
    # Not null_handling="skip": where all pieces are null, that leaves the row itself out.
    inner = pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="")
    opened = pc.binary_replace_slice(inner, 0, 1, "{")
    whole = pc.binary_join_element_wise(opened, "}", "")
    return pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), whole)


def _list(column: pa.Array) -> pa.StringArray:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    inner = as_json(column.flatten())
    rows = np.repeat(np.arange(len(column), dtype=np.int64), lengths)
    is_kept = pc.is_valid(inner).to_numpy(zero_copy_only=False)
    kept = np.bincount(rows[is_kept], minlength=len(column))
    return entries.joined(inner.drop_null(), kept, "[", "]")
