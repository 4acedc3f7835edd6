"""What goes in comes out, on every engine the same: text, money, moments, JSON."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from product import Product
from raw_events import batch, letter, raw

NewProduct = Callable[..., Product]

TEXTS = [
    "it's", '"quoted"', "back\\slash \\n \\x41 \\.", "tab\tline\nreturn\r", "NULL", "\\N", "", " ", "a,b;c",
    "$1 $$ %s {} ?",
    "Zoë 日本語 🎈👩‍👩‍👧 \u200b\ufeff", "\x01\x7f", "x" * 1_000_000, "🎈" * 250_000,
]  # fmt: skip


# BigQuery has one type of moments, in UTC, and says of a decimal in an answer only whether it is NUMERIC
NUMERIC = "decimal128(38, 9)"


def test_text_comes_back_as_it_went_in(new_product: NewProduct) -> None:
    warehouse = new_product().warehouse
    rows = [
        raw(f"event {n}", campaign=text, page_location=text, params=json.dumps({"text": text, text: 1}))
        for n, text in enumerate(TEXTS)
    ]
    warehouse.append("ga4_events_raw", "it's\\ 🎈", [batch(rows, [letter(text) for text in TEXTS])])
    found = warehouse.query(
        "select event_id, campaign, page_location, params from ga4_events_raw"
    ).to_pylist()
    assert {row["event_id"]: row for row in found} == {
        row["event_id"]: {name: row[name] for name in ("event_id", "campaign", "page_location", "params")}
        for row in rows
    }
    originals = warehouse.query("select original from dead_letters")["original"].to_pylist()
    assert sorted(originals) == sorted(TEXTS)


def test_numbers_and_moments_are_exact(new_product: NewProduct, engine: str) -> None:
    warehouse = new_product().warehouse
    rows = [
        raw(
            f"event {n}",
            value=Decimal(value),
            event_timestamp=moment,
            received_at=moment,
            ga_session_id=number,
            payload_hash=number,
        )
        for n, (value, moment, number) in enumerate(
            [
                ("999999999999.999999", datetime(1, 1, 1), 2**63 - 1),
                ("-999999999999.999999", datetime(9999, 12, 31, 23, 59, 59, 999999), -(2**63)),
                ("0.000001", datetime(2026, 3, 29, 1, 59, 59, 999999), 0),
                ("0.000000", datetime(1969, 12, 31, 23, 59, 59, 999999), -1),
            ]
        )
    ]
    warehouse.append("ga4_events_raw", "a", [batch(rows)])
    names = [
        "event_timestamp",
        "received_at",
        "value",
        "ga_session_id",
        "payload_hash",
        "page_is_tagged",
        "term",
    ]
    found = warehouse.query(f"select {', '.join(names)} from ga4_events_raw order by event_id")
    assert found.to_pylist() == [{name: row[name] for name in names} for row in rows]
    assert [str(field.type) for field in found.schema] == [
        "timestamp[us]",
        "timestamp[us]",
        NUMERIC if engine == "bigquery" else "decimal128(18, 6)",
        "int64",
        "int64",
        "bool",
        "string",
    ]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_query_has_the_same_types_on_every_engine(new_product: NewProduct, rows: int, engine: str) -> None:
    warehouse = new_product().warehouse
    one = raw("one", items='[{"a": 1.50}]', params='{"é":"\\u00e9"}')
    warehouse.append("ga4_events_raw", "a", [batch([one])])
    found = warehouse.query(
        f"""
        select
            items, params, date '2026-05-01' as day, cast(1.5 as decimal(38, 9)) as money,
            cast('2026-05-01 12:00:00.000001+00' as timestamp with time zone) as instant,
            cast(1.25 as double precision) as ratio
        from ga4_events_raw
        limit {rows}
        """
    )
    assert [(field.name, str(field.type).replace("Etc/UTC", "UTC")) for field in found.schema] == [
        ("items", "string"),
        ("params", "string"),
        ("day", "date32[day]"),
        ("money", "decimal128(38, 9)"),
        ("instant", "timestamp[us]" if engine == "bigquery" else "timestamp[us, tz=UTC]"),
        ("ratio", "double"),
    ]
    expected = {
        "items": one["items"],
        "params": one["params"],
        "day": date(2026, 5, 1),
        "money": Decimal("1.5"),
        "instant": datetime(2026, 5, 1, 12, 0, 0, 1, tzinfo=None if engine == "bigquery" else UTC),
        "ratio": 1.25,
    }
    assert found.to_pylist() == [expected] * rows


@pytest.mark.parametrize("rows", [0, 1])
def test_sums_and_counts_have_the_same_types_on_every_engine(
    new_product: NewProduct, rows: int, engine: str
) -> None:
    warehouse = new_product().warehouse
    warehouse.append(
        "ga4_events_raw", "a", [batch([raw(f"{n}", value=Decimal("0.100000")) for n in range(rows)])]
    )
    found = warehouse.query(
        "select count(*) as n, sum(payload_hash) as hashes, cast(sum(value) as decimal(38, 6)) as total, "
        "max(event_timestamp) as latest from ga4_events_raw"
    )
    assert [str(field.type) for field in found.schema] == [
        "int64",
        "int64" if engine == "bigquery" else "decimal128(38, 0)",
        NUMERIC if engine == "bigquery" else "decimal128(38, 6)",
        "timestamp[us]",
    ]
    assert found["total"].to_pylist() == [Decimal("0.1") if rows else None]


def test_two_columns_of_one_name_are_both_shown(new_product: NewProduct, engine: str) -> None:
    if engine == "bigquery":
        pytest.skip("BigQuery refuses two columns of one name; the stand-in does not")
    found = new_product().warehouse.query("select 1 as a, 2 as a")
    assert isinstance(found, pa.Table)
    assert [column[0].as_py() for column in found.columns] == [1, 2]
