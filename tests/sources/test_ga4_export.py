"""GA4's export, as nested Parquet and as the newline JSON that BigQuery writes."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from headwater.event import INTEGER_COLUMNS
from headwater.sources.read import read_file

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "ga4_sample.parquet"

PARAM = pa.struct(
    [
        ("key", pa.string()),
        (
            "value",
            pa.struct(
                [
                    ("string_value", pa.string()),
                    ("int_value", pa.int64()),
                    ("float_value", pa.float64()),
                    ("double_value", pa.float64()),
                ]
            ),
        ),
    ]
)
SCHEMA = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", pa.list_(PARAM)),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("stream_id", pa.string()),
        ("platform", pa.string()),
        ("user_ltv", pa.struct([("revenue", pa.float64()), ("currency", pa.string())])),
        (
            "device",
            pa.struct([("category", pa.string()), ("web_info", pa.struct([("browser", pa.string())]))]),
        ),
        (
            "traffic_source",
            pa.struct([("name", pa.string()), ("medium", pa.string()), ("source", pa.string())]),
        ),
        (
            "collected_traffic_source",
            pa.struct(
                [
                    (f"manual_{name}", pa.string())
                    for name in ("source", "medium", "campaign_name", "campaign_id")
                ]
                + [("gclid", pa.string())]
            ),
        ),
        (
            "session_traffic_source_last_click",
            pa.struct([("cross_channel_campaign", pa.struct([("default_channel_group", pa.string())]))]),
        ),
        *((name, pa.int64()) for name in INTEGER_COLUMNS if name.startswith("batch_")),
        (
            "ecommerce",
            pa.struct(
                [
                    ("purchase_revenue", pa.float64()),
                    ("refund_value", pa.float64()),
                    ("tax_value", pa.float64()),
                    ("transaction_id", pa.string()),
                ]
            ),
        ),
        (
            "items",
            pa.list_(
                pa.struct([("item_id", pa.string()), ("price", pa.float64()), ("quantity", pa.int64())])
            ),
        ),
    ]
)


def param(key: str, value: Any) -> dict[str, Any]:
    kind = {str: "string_value", int: "int_value", float: "double_value", type(None): "string_value"}[
        type(value)
    ]
    return {"key": key, "value": {kind: value}}


def row(**change: Any) -> dict[str, Any]:
    params = change.pop("params", {})
    return {
        "event_date": "20260501",
        "event_timestamp": 1_777_629_600_000_000,
        "event_name": "page_view",
        "user_pseudo_id": "d1",
        "stream_id": "77",
        "event_params": [param(key, value) for key, value in {"ga_session_id": 5, **params}.items()],
        **change,
    }


def as_bigquery_writes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_bigquery_writes(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [as_bigquery_writes(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a number without quotes is a floating-point one, whether or not it shows a point
    return str(value) if isinstance(value, int) else value


@pytest.fixture(params=["parquet", "json"])
def read_rows(request: pytest.FixtureRequest, tmp_path: Path, read: Any, write: Any) -> Callable[..., Any]:
    def read_rows(rows: list[dict[str, Any]], name: str = "events_20260501") -> Any:
        if request.param == "json":
            return read(write(f"{name}.json", "\n".join(json.dumps(as_bigquery_writes(one)) for one in rows)))
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / f"{name}.parquet")
        return read(tmp_path / f"{name}.parquet")

    return read_rows


FULL = row(
    event_name="purchase",
    params={
        "page_location": "https://shop.example/x?gclid=q",
        "page_referrer": "https://www.google.com/",
        "ga_session_number": 3,
        "session_engaged": 1,
        "currency": "EUR",
        "value": 11.5,
        "empty": None,
        "half": 0.5,
        "quote": 'a "b"\n',
    },
    platform="WEB",
    user_ltv={"revenue": 3.0, "currency": ""},
    device={"category": "mobile", "web_info": {"browser": None}},
    traffic_source={"name": "(Referral)", "medium": "Referral", "source": "News.example "},
    collected_traffic_source={
        "manual_source": "Google",
        "manual_medium": "CPC",
        "manual_campaign_id": "9",
        "gclid": "c",
    },
    session_traffic_source_last_click={"cross_channel_campaign": {"default_channel_group": "Paid Search"}},
    batch_page_id=1,
    batch_ordering_id=2,
    batch_event_index=3,
    ecommerce={"purchase_revenue": 12.25, "transaction_id": "t1", "tax_value": 1.0},
    items=[{"item_id": "i1", "price": 6.0, "quantity": 2}],
)


def test_where_each_column_lands(read_rows: Any) -> None:
    (event,) = read_rows([FULL]).events
    expected = {
        **{"stream_id": "77", "source_kind": "export_daily", "user_pseudo_id": "d1", "user_id": None},
        **{"ga_session_id": 5, "ga_session_number": 3},
        **{"batch_page_id": 1, "batch_ordering_id": 2, "batch_event_index": 3},
        **{"page_location": "https://shop.example/x?gclid=q", "page_referrer": "https://www.google.com/"},
        **{"source": "google", "medium": "cpc", "campaign": None, "gclid": "c"},
        **{"first_user_source": "news.example", "first_user_medium": "referral"},
        **{
            "first_user_campaign": "(Referral)",
            "first_user_domain": "news.example",
            "ga4_channel": "Paid Search",
        },
        **{"value": Decimal("12.25"), "currency": "EUR", "transaction_id": "t1"},
        **{
            "items": '[{"item_id":"i1","price":6.0,"quantity":2}]',
            "is_engaged": True,
            "page_is_tagged": True,
        },
    }
    assert {name: event[name] for name in expected} == expected
    params = json.loads(event["params"])
    assert list(params)[:-1] == sorted(params.keys() - {"_export"})
    assert (params["half"], params["value"], params["quote"], params["empty"]) == (0.5, 11.5, 'a "b"\n', None)
    assert params["ga_session_id"] == 5
    rest = params["_export"]
    assert (rest["event_date"], rest["platform"], rest["device"]) == (
        "20260501",
        "WEB",
        {"category": "mobile"},
    )
    assert rest["user_ltv"] == {"revenue": 3.0}
    assert rest["collected_traffic_source"]["manual_campaign_id"] == "9"


def test_parquet_and_json_make_the_same_events(tmp_path: Path, write: Any, read: Any) -> None:
    rows = [FULL, row(), row(params={"debug_mode": 1, "share": 3.0}, event_name="scroll")]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "a.parquet")
    text = "\n".join(json.dumps(as_bigquery_writes(one)) for one in rows)
    by_format = [read(tmp_path / "a.parquet").events, read(write("a.json.gz", text)).events]
    first, second = ([(event["event_id"], event["payload_hash"]) for event in events] for events in by_format)
    assert first == second


def test_what_the_export_adds_changes_neither_id_nor_payload(read_rows: Any) -> None:
    one, other = read_rows([FULL, {**FULL, "user_ltv": {"revenue": 99.0}, "platform": "ANDROID"}]).events
    assert one["params"] != other["params"]
    assert (one["event_id"], one["payload_hash"]) == (other["event_id"], other["payload_hash"])


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"ecommerce": {"purchase_revenue": 0.0}, "params": {"value": 5.0}}, "0"),
        ({"ecommerce": {"purchase_revenue": float("nan")}, "params": {"value": 5}}, "5"),
        ({"ecommerce": {"purchase_revenue": None}, "params": {"value": "7.5"}}, "7.5"),
        ({"ecommerce": None, "params": {"value": float("nan")}}, "0"),
        ({"event_name": "refund", "ecommerce": {"refund_value": 3.0, "purchase_revenue": 9.0}}, "3"),
        ({"event_name": "refund", "ecommerce": {"purchase_revenue": 9.0}, "params": {"value": 2.0}}, "2"),
        ({}, "0"),
    ],
)
def test_value(read_rows: Any, change: dict[str, Any], value: str) -> None:
    (event,) = read_rows([row(**{"event_name": "purchase", **change})]).events
    assert event["value"] == Decimal(value)


@pytest.mark.parametrize(
    ("change", "transaction_id"),
    [
        ({"ecommerce": {"transaction_id": "(not set)"}, "params": {"transaction_id": "p"}}, "p"),
        ({"ecommerce": {"transaction_id": ""}}, None),
        ({"params": {"transaction_id": 123}}, "123"),
    ],
)
def test_transaction_id(read_rows: Any, change: dict[str, Any], transaction_id: str | None) -> None:
    (event,) = read_rows([row(**change)]).events
    assert event["transaction_id"] == transaction_id


def test_intraday_is_told_by_the_name(read_rows: Any) -> None:
    (event,) = read_rows([row()], "events_intraday_20260501").events
    assert event["source_kind"] == "export_intraday"


def test_refused_rows_keep_their_columns(read_rows: Any) -> None:
    found = read_rows([row(), row(event_name=None), row(user_pseudo_id=None, event_params=[])])
    assert found.reasons == [(2, "missing_event_name"), (3, "no_identity")]
    assert json.loads(found.dead_letters[0]["original"])["user_pseudo_id"] == "d1"


def test_of_a_param_that_is_there_twice_the_first_counts(read_rows: Any) -> None:
    twice = row()
    twice["event_params"] += [param("b", 1), param("a", 0), param("b", 2)]
    (event,) = read_rows([twice]).events
    kept = event["params"].partition(',"_export"')[0]
    assert kept == '{"a":0,"b":1,"ga_session_id":5'


def test_an_old_export_lacks_columns(tmp_path: Path, read: Any) -> None:
    names = ["event_name", "event_timestamp", "event_params", "user_pseudo_id"]
    pq.write_table(pa.Table.from_pylist([row()], SCHEMA).select(names), tmp_path / "old.parquet")
    (event,) = read(tmp_path / "old.parquet").events
    assert (event["stream_id"], event["ga_session_id"], event["batch_page_id"]) == ("default", 5, None)


def test_json_that_is_broken(write: Any, read: Any) -> None:
    good = json.dumps(as_bigquery_writes(row()))
    lines = [good, "{", json.dumps({**as_bigquery_writes(row()), "event_params": {"a": 1}}), good]
    found = read(write("a.json", "\n".join(lines)))
    assert found.reasons == [(2, "malformed_json"), (3, "malformed_json")]
    assert len(found.events) == 2


@pytest.mark.skipif(not SAMPLE.exists(), reason="NOT RUN: the real GA4 sample is not beside this checkout")
def test_every_row_of_the_real_sample_is_accounted_for() -> None:
    batches = list(read_file(SAMPLE))
    events = pa.concat_tables(batch.events for batch in batches)
    assert events.num_rows + sum(batch.dead_letters.num_rows for batch in batches) == 24_219
    assert events.num_rows == 24_219
    assert pc.count_distinct(events["user_pseudo_id"]).as_py() == 19_210
    purchases = events.filter(pc.equal(events["event_name"], "purchase"))
    assert purchases.num_rows == 624
    assert pc.count_distinct(purchases["user_pseudo_id"]).as_py() == 599
    assert not pc.any(pc.is_in(events["transaction_id"], pa.array(["", "(not set)"]))).as_py()
    assert not pc.any(pc.is_in(events["source"], pa.array(["", "(data deleted)"]))).as_py()
    assert pc.any(pc.equal(events["source"], "<other>")).as_py()
    assert pc.sum(events["is_engaged"]).as_py() > 0
    assert pc.count_distinct(events["event_id"]).as_py() > 24_000
