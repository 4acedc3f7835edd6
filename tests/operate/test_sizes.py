"""BigQuery's rules of size."""

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from headwater.event import RAW_SCHEMA
from headwater.operate.sizes import COLUMN_GROUPS, by_group, column_bytes, fixed_bytes


def test_a_value_is_as_long_as_bigquery_counts_it() -> None:
    rows = pa.table(
        {
            "text": ["", "abc", "ä", None],
            "number": pa.array([1, 2, 3, None], pa.int64()),
            "time": pa.array([datetime(2026, 1, 1)] * 4, pa.timestamp("us")),
            "day": pa.array([date(2026, 1, 1)] * 4),
            "money": pa.array([Decimal("1.5")] * 4, pa.decimal128(18, 6)),
            "credit": pa.array([Decimal("1.5")] * 4, pa.decimal128(18, 12)),
            "is_it": [True, False, None, None],
            "share": [0.5, 0.5, 0.5, 0.5],
        }
    )
    assert column_bytes(rows) == {
        "text": (2 + 5 + 4) / 4,
        "number": 6.0,
        "time": 8.0,
        "day": 8.0,
        "money": 16.0,
        "credit": 32.0,
        "is_it": 0.5,
        "share": 8.0,
    }


def test_what_is_nested_is_as_long_as_what_is_in_it() -> None:
    params = pa.list_(pa.struct([("key", pa.string()), ("value", pa.struct([("int_value", pa.int64())]))]))
    one = {"key": "abc", "value": {"int_value": 1}}
    rows = pa.table({"params": pa.array([[one, one | {"value": None}], [], None, [one]], params)})
    assert column_bytes(rows) == {"params": (3 * 5 + 2 * 8) / 4}


def test_no_rows_have_no_size() -> None:
    assert set(column_bytes(RAW_SCHEMA.empty_table()).values()) == {0.0}


def test_a_type_of_unknown_size_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="list"):
        fixed_bytes(pa.list_(pa.int64()))


def test_every_raw_column_is_in_one_group() -> None:
    grouped = [name for names in COLUMN_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted([*RAW_SCHEMA.names, "batch_id"])
    assert sum(by_group(dict.fromkeys(grouped, 1.0)).values()) == len(grouped)
