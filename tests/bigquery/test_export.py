"""GA4's export read where it lies on BigQuery: the same events as from its files, column by column."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery.house import House
from bigquery.standins.emulator import BigQueryServer
from bigquery.standins.zetasql import ZetaSql
from google.cloud import bigquery
from google.cloud.bigquery.format_options import ParquetOptions
from sources.test_ga4_export import FULL, SAMPLE, SCHEMA, param, row

from headwater.sources.read import read_file
from headwater.sources.synthetic import generate
from headwater.transform.runner import DbtRunner

pytest.importorskip(
    "dbt.adapters.bigquery", reason="NO DBT-BIGQUERY: pip install 'headwater[bigquery]' to test on it"
)

Row = dict[str, Any]

OF_THE_READING = {"received_at", "batch_id"}  # and not of the event

PAGES = (
    "https://www.shop.example/x?utm_source=Goo%67le&utm_medium=c+pc%20&utm_campaign=%C3%A4%20b",
    "https://shop.example/?utm_source=%ff&utm_campaign=%00x&utm_term=ä%zz",
    "https://a.b.co.uk/p?utm_source=(not%20set)&utm_medium=Email#frag?x",
    "http://localhost:80/?gclid=a%2",
    "HTTP://User:pw@WWW.Foo.COM.:8080/?a=1&fbclid=1+2",
    "https://xn--bcher-kva.example/?utm_content=%E2%82%AC",
    "https://me.github.io/x",
    "https://192.168.0.1/x",
    "//cdn.example.com/x",
    "/only/path?utm_source=rel",
    "not a url",
    "",
    "https://shop.example?utm_source=q1&utm_source=q2",
)
REFERRERS = (
    "android-app://com.google.android.gm/",
    "https://com.google.android.gm/x",
    "https://www.de/",
    *PAGES,
)
SOURCES = (
    "News.Example.COM",
    "www.a.co.uk",
    "newsletter",
    "a b.c",
    "com.google.android.gm",
    "t.co.",
    "(data deleted)",
    "x.y:80",
)
VALUES = (
    0.1,
    1e16,
    123456789012.5,
    1e-7,
    float("nan"),
    -3.0,
    3,
    "7.5",
    "x",
    "1e3",
    "NaN",
    0.0000005,
    100.0,
    1 / 3,
    1e12,
    1e30,
    "7.5 ",
)
TEXTS = ('q"\\/\b\f\n\r\t\x01\x7fé😀<&>', "\u00a0x")
SESSIONS = ("12", "12.0", "1.5", "x", "-3", "99999999999999999999", "")


def rows() -> Iterator[Row]:
    yield FULL
    for page in PAGES:
        yield row(params={"page_location": page})
        yield row(params={"page_location": page}, batch_ordering_id=2)
    for referrer in REFERRERS:
        yield row(params={"page_referrer": referrer, "page_location": "https://shop.example/"})
    for source in SOURCES:
        yield row(params={"source": source, "medium": " Mail\t", "campaign": " C "})
        yield row(traffic_source={"source": source, "medium": "M", "name": "N"})
    for value in VALUES:
        yield row(
            event_name="purchase", params={"value": value, "currency": "(Not Set)", "transaction_id": value}
        )
        if isinstance(value, float):
            yield row(
                event_name="purchase", ecommerce={"purchase_revenue": value, "transaction_id": "(not set)"}
            )
            yield row(event_name="refund", ecommerce={"refund_value": value, "purchase_revenue": 1.0})
    for text in TEXTS:
        yield row(params={"page_title": text, "ä": 1, "Z": 2, "a": None, text: 1})
    for session in SESSIONS:
        yield {**row(), "event_params": [param("ga_session_id", session), param("session_engaged", "1")]}
    yield {**row(), "event_params": [param("b", 1), param("a", 0), param("b", 2)]}
    yield row(user_pseudo_id=None, user_id="u1")
    yield row(user_pseudo_id="")
    yield row(stream_id=None)
    yield row(event_name=None)
    yield row(event_params=[], user_pseudo_id=None)
    yield row(event_timestamp=None)
    yield row(event_timestamp=2**62)
    yield row(event_timestamp=253_000_000_000_000_000)
    yield row(user_id="nul \0 in it")
    yield row(params={"page_title": "nul \0", "q": "\\u0000 is none"})
    yield row(params={"page_title": "\\u0000 is none"})
    yield row(items=[{"item_id": "nul \0"}])
    yield row(items=[{"item_id": "a", "price": 1.5}, {"quantity": 2, "item_id": ""}, {}])
    yield row(items=[{}], device={"category": "mobile", "web_info": {"browser": 'it\'s "q"'}})
    yield row(user_ltv={"revenue": float("nan"), "currency": ""}, platform="WEB", event_params=[])


def moment(one: Row, place: int) -> int | None:
    given = one["event_timestamp"]
    return given if given is None or given > 2 * 10**15 else given + place


REASONS = {
    "nul_character",
    "missing_event_name",
    "missing_timestamp",
    "invalid_timestamp",
    "timestamp_in_future",
    "invalid_number",
    "no_identity",
}


@pytest.fixture(scope="module")
def house(bigquery_server: BigQueryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(bigquery_server, tmp_path_factory.mktemp("house"), "exports")
    yield built
    built.close()


def table_of(house: House, file: Path, dataset: str) -> str:
    """The file as a table of an export."""
    dataset = f"{house.dataset}_{dataset}"
    house.client.create_dataset(dataset, exists_ok=True)
    options = ParquetOptions()
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(source_format="PARQUET", parquet_options=options)
    name = f"{house.project}.{dataset}.{file.stem}"
    with file.open("rb") as content:
        house.client.load_table_from_file(content, name, job_config=config).result()
    return name


def reading(house: House, table: str, kind: str, workspace: Path) -> str:
    """The statement that reads it."""
    fields = [field.to_api_repr() for field in house.client.get_table(table).schema]
    export = {"table": table, "kind": kind, "fields": fields}
    runner = DbtRunner(workspace / "dbt", house.output, {**house.variables, "export": export})
    (node,) = runner.run(["compile", "--no-write-json", "--select", "stg_exported_events"])
    return node.sql


def plain(row: Row) -> Row:
    said = {name: value for name, value in row.items() if name not in OF_THE_READING}
    return said | {"event_timestamp": row["event_timestamp"].replace(tzinfo=None)}


def from_table(rows: Sequence[Row]) -> tuple[dict[str, Row], list[Row]]:
    """The events by their ids, and what is refused."""
    refusal = ("reason", "detail", "original")
    events = [
        {name: value for name, value in row.items() if name not in refusal}
        for row in rows
        if row["reason"] is None
    ]
    letters = [{name: row[name] for name in refusal} for row in rows if row["reason"] is not None]
    assert all(isinstance(json.loads(letter.pop("original"))["event_params"], list) for letter in letters)
    return {event["event_id"]: plain(event) for event in events}, sorted(letters, key=str)


def from_file(file: Path) -> tuple[dict[str, Row], list[Row]]:
    batches = list(read_file(file))
    events = [event for batch in batches for event in batch.events.to_pylist()]
    letters = [letter for batch in batches for letter in batch.dead_letters.to_pylist()]
    refused = [{name: one[name] for name in ("reason", "detail")} for one in letters]
    return {event["event_id"]: plain(event) for event in events}, sorted(refused, key=str)


def test_any_row_of_an_export(house: House, zetasql: ZetaSql, tmp_path: Path) -> None:
    apart = [{**one, "event_timestamp": moment(one, place)} for place, one in enumerate(rows())]
    file = tmp_path / "events_20260501.parquet"
    pq.write_table(pa.Table.from_pylist(apart, SCHEMA), file)
    table = table_of(house, file, "analytics_rows")
    sql = reading(house, table, "export_daily", tmp_path)
    assert zetasql.analyse(sql, {table: COLUMNS}) is None
    (found, refused), (wanted, letters) = from_table(house.rows(sql)), from_file(file)
    assert found.keys() == wanted.keys()
    for event_id, event in wanted.items():
        assert found[event_id] == event
    assert refused == letters
    assert {letter["reason"] for letter in letters} == REASONS


def test_days_of_a_shop(house: House, tmp_path: Path) -> None:
    """Some rows are in it twice; an intraday table is read as well."""
    generate(tmp_path / "events", days=2, persons=60, seed=5, start=date(2026, 3, 1))
    daily, other = sorted((tmp_path / "events").glob("events_*.parquet"))
    intraday = other.rename(other.with_name(other.name.replace("events_", "events_intraday_")))
    for file, kind in ((daily, "export_daily"), (intraday, "export_intraday")):
        table = table_of(house, file, "analytics_shop")
        found = house.rows(reading(house, table, kind, tmp_path))
        assert from_table(found)[0] == from_file(file)[0]
        assert len(found) == pq.read_metadata(file).num_rows


def texts(names: str, **others: pa.DataType) -> pa.StructType:
    return pa.struct([*((name, pa.string()) for name in names.split()), *others.items()])


def doubles(names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names.split(), pa.float64())


VALUE = {"int_value": pa.int64(), **doubles("float_value double_value")}
CAMPAIGN = "campaign_id campaign_name source medium"
EVERY_COLUMN: dict[str, pa.DataType] = {
    **dict.fromkeys(("event_date", "event_name", "user_id", "user_pseudo_id", "stream_id", "platform"), pa.string()),
    **dict.fromkeys(
        ("event_timestamp", "event_previous_timestamp", "event_bundle_sequence_id", "event_server_timestamp_offset",
         "user_first_touch_timestamp", "batch_page_id", "batch_ordering_id", "batch_event_index"),
        pa.int64(),
    ),
    "event_params": SCHEMA.field("event_params").type,
    "event_value_in_usd": pa.float64(),
    "privacy_info": texts("analytics_storage ads_storage uses_transient_token"),
    "user_properties": pa.list_(
        texts("key", value=texts("string_value", **VALUE, set_timestamp_micros=pa.int64()))
    ),
    "user_ltv": texts("currency", revenue=pa.float64()),
    "device": texts(
        "category mobile_brand_name mobile_model_name mobile_marketing_name mobile_os_hardware_model operating_system "
        "operating_system_version vendor_id advertising_id language is_limited_ad_tracking browser browser_version",
        time_zone_offset_seconds=pa.int64(),
        web_info=texts("browser browser_version hostname"),
    ),
    "geo": texts("city country continent region sub_continent metro"),
    "app_info": texts("id version install_store firebase_app_id install_source"),
    "traffic_source": texts("name medium source"),
    "event_dimensions": texts("hostname"),
    "ecommerce": texts(
        "transaction_id",
        total_item_quantity=pa.int64(),
        unique_items=pa.int64(),
        **doubles("purchase_revenue_in_usd purchase_revenue refund_value_in_usd refund_value shipping_value_in_usd "
                  "shipping_value tax_value_in_usd tax_value"),
    ),
    "items": pa.list_(
        texts(
            "item_id item_name item_brand item_variant item_category item_category2 item_category3 item_category4 "
            "item_category5 coupon affiliation location_id item_list_id item_list_name item_list_index promotion_id "
            "promotion_name creative_name creative_slot",
            quantity=pa.int64(),
            **doubles("price_in_usd price item_revenue_in_usd item_revenue item_refund_in_usd item_refund"),
            item_params=pa.list_(texts("key", value=texts("string_value", **VALUE))),
        )
    ),
    "collected_traffic_source": texts(
        "manual_campaign_id manual_campaign_name manual_source manual_medium manual_term manual_content "
        "manual_source_platform manual_creative_format manual_marketing_tactic gclid dclid srsltid"
    ),
    "is_active_user": pa.bool_(),
    "session_traffic_source_last_click": pa.struct(
        [
            ("manual_campaign", texts(f"{CAMPAIGN} term content source_platform creative_format marketing_tactic")),
            ("google_ads_campaign", texts("customer_id account_name ad_group_id ad_group_name campaign_id")),
            ("cross_channel_campaign", texts(f"{CAMPAIGN} source_platform default_channel_group")),
            ("sa360_campaign", texts(f"{CAMPAIGN} ad_group_id engine_account_name manager_account_name")),
            ("cm360_campaign", texts(f"{CAMPAIGN} account_id advertiser_name creative_type placement_cost_structure")),
            ("dv360_campaign", texts(f"{CAMPAIGN} exchange_name insertion_order_id line_item_id partner_name")),
        ]
    ),
    "publisher": texts("ad_format ad_source_name ad_unit_id", ad_revenue_in_usd=pa.float64()),
}  # fmt: skip


def filled(name: str, type_: pa.DataType) -> Any:
    if pa.types.is_struct(type_):
        return {field.name: filled(field.name, field.type) for field in type_}
    if pa.types.is_list(type_):
        return [filled(name, type_.value_type)] * 2
    return {"string": f"{name} 'é\"", "int64": 7, "double": 0.25, "bool": True}[str(type_)]


def test_every_column_that_google_names(house: House, zetasql: ZetaSql, tmp_path: Path) -> None:
    schema = pa.schema(list(EVERY_COLUMN.items()))
    every = {name: filled(name, type_) for name, type_ in EVERY_COLUMN.items()}
    of_the_event = row(event_name="purchase", params={"page_location": "https://a.example/?gbraid=x"})
    given = {**every, **of_the_event, "items": every["items"][:1]}
    few = dict.fromkeys(EVERY_COLUMN) | row(event_timestamp=1_777_629_600_000_001)
    file = tmp_path / "events_20260502.parquet"
    pq.write_table(pa.Table.from_pylist([given, few], schema), file)
    table = table_of(house, file, "analytics_every")
    sql = reading(house, table, "export_daily", tmp_path)
    columns = {name: kind(type_) for name, type_ in EVERY_COLUMN.items()}
    assert zetasql.analyse(sql, {table: columns}) is None
    assert len(sql) < 250_000  # of a million characters that a statement may have
    (found, refused), (wanted, letters) = from_table(house.rows(sql)), from_file(file)
    assert (found, refused) == (wanted, letters)
    assert {len(json.loads(event["params"])["_export"]) for event in found.values()} == {1, 19}


@pytest.mark.skipif(not SAMPLE.exists(), reason="Google's public sample is not at hand")
def test_a_day_of_the_public_sample(house: House, zetasql: ZetaSql, tmp_path: Path) -> None:
    """Whose streams are whole numbers, as are columns that hold nothing."""
    file = tmp_path / "events_20210131.parquet"
    some = pq.read_table(SAMPLE)
    pq.write_table(some.take(list(range(0, some.num_rows, some.num_rows // 200))), file)
    table = table_of(house, file, "analytics_sample")
    sql = reading(house, table, "export_daily", tmp_path)
    columns = {field.name: kind(field.type) for field in some.schema}
    assert zetasql.analyse(sql, {table: columns}) is None
    assert from_table(house.rows(sql)) == from_file(file)


def test_without_an_export_there_is_nothing(house: House, zetasql: ZetaSql) -> None:
    (node,) = house.runner.run(["compile", "--no-write-json", "--select", "stg_exported_events"])
    assert zetasql.analyse(node.sql, house.schemas()) is None
    assert house.rows(node.sql) == []


def kind(type_: pa.DataType) -> str:
    """An Arrow type as BigQuery names it."""
    if pa.types.is_list(type_):
        return f"ARRAY<{kind(type_.value_type)}>"
    if pa.types.is_struct(type_):
        return f"STRUCT<{', '.join(f'{field.name} {kind(field.type)}' for field in type_)}>"
    return {"string": "STRING", "int64": "INT64", "double": "FLOAT64", "bool": "BOOL"}[str(type_)]


COLUMNS = {field.name: kind(field.type) for field in SCHEMA}
