"""PostgreSQL's types that Arrow does not have, as those it has."""

import pyarrow as pa
import pyarrow.compute as pc


def plain(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """PostgreSQL's numeric comes as text: decimals again, of the column's type or with the digits that are there."""
    if isinstance(column.type, pa.OpaqueType):
        text = pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())
        return as_numbers(text, field) if column.type.type_name == "numeric" else text
    if isinstance(column.type, pa.BaseExtensionType):  # json
        return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column


def as_numbers(text: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    declared = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) - 4
    if declared >= 0:  # precision and scale, as PostgreSQL packs them
        precision, scale = declared >> 16, declared & 0x7FF
    else:
        whole = pc.max(pc.utf8_length(pc.replace_substring_regex(text, r"^-|\..*$", ""))).as_py() or 0
        scale = pc.max(pc.utf8_length(pc.replace_substring_regex(text, r"^[^.]*\.?", ""))).as_py() or 0
        precision = 38 if whole + scale <= 38 else whole + scale
    is_number = pc.all(pc.match_substring_regex(text, r"^-?[0-9]")).as_py()  # neither NaN nor infinity
    if precision > 38 or is_number is False:
        return text.cast(pa.float64())
    return text.cast(pa.decimal128(precision, scale))
