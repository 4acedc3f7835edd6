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
from sources.test_ga4_export import FULL, SCHEMA, param, row

from headwater.sources.read import read_file
from headwater.sources.synthetic import generate
from headwater.transform.runner import DbtRunner

pytest.importorskip(
    "dbt.adapters.bigquery", reason="NO DBT-BIGQUERY: pip install 'headwater[bigquery]' to test on it"
)

Row = dict[str, Any]

# What is not of the event: when it was read, from which table, and how items are spelt that lack a field.
OF_THE_READING = {"received_at", "source_kind", "items"}

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


def paths(fields: Sequence[pa.Field], before: str = "") -> Iterator[str]:
    for field in fields:
        yield before + field.name
        if pa.types.is_struct(field.type):
            yield from paths(list(field.type), f"{before}{field.name}.")


@pytest.fixture(scope="module")
def house(bigquery_server: BigQueryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(bigquery_server, tmp_path_factory.mktemp("house"), "exports")
    yield built
    built.close()


def reading(house: House, dataset: str, files: Sequence[Path], workspace: Path) -> str:
    """The files as tables of an export, and the statement that reads them."""
    dataset = f"{house.dataset}_{dataset}"
    house.client.create_dataset(dataset)
    for file in files:
        options = ParquetOptions()
        options.enable_list_inference = True
        config = bigquery.LoadJobConfig(source_format="PARQUET", parquet_options=options)
        with file.open("rb") as content:
            house.client.load_table_from_file(content, f"{dataset}.{file.stem}", job_config=config).result()
    export = {
        "dataset": f"{house.project}.{dataset}",
        "columns": list(paths(list(pq.read_schema(files[-1])))),
        "kinds": ["export_daily"],
        "first": files[0].stem.removeprefix("events_"),
        "last": files[-1].stem.removeprefix("events_"),
        "now": "timestamp '2026-12-01 00:00:00+00'",
    }
    runner = DbtRunner(workspace / "dbt", house.output, {**house.variables, "export": export})
    (node,) = runner.run(["compile", "--no-write-json", "--select", "stg_exported_events"])
    return node.sql


def of_the_event(event: Row) -> Row:
    params = json.loads(event["params"] or "{}")
    params.pop("_export", None)
    plain = {name: value for name, value in event.items() if name not in OF_THE_READING | {"payload_hash"}}
    return plain | {"params": params, "event_timestamp": event["event_timestamp"].replace(tzinfo=None)}


def from_files(files: Sequence[Path]) -> dict[str, Row]:
    events = [event for file in files for batch in read_file(file) for event in batch.events.to_pylist()]
    return {event["event_id"]: of_the_event(event) for event in events}


def test_any_row_of_an_export(house: House, zetasql: ZetaSql, tmp_path: Path) -> None:
    apart = [{**one, "event_timestamp": one["event_timestamp"] + place} for place, one in enumerate(rows())]
    file = tmp_path / "events_20260501.parquet"
    pq.write_table(pa.Table.from_pylist(apart, SCHEMA), file)
    sql = reading(house, "analytics_rows", [file], tmp_path)
    assert zetasql.analyse(sql, {f"{house.project}.{house.dataset}_analytics_rows.events_*": COLUMNS}) is None
    found, wanted = {event["event_id"]: of_the_event(event) for event in house.rows(sql)}, from_files([file])
    assert found.keys() == wanted.keys()
    for event_id, event in wanted.items():
        assert found[event_id] == event


def test_days_of_a_shop(house: House, tmp_path: Path) -> None:
    """Some rows are in it twice."""
    generate(tmp_path / "events", days=2, persons=60, seed=5, start=date(2026, 3, 1))
    files = sorted((tmp_path / "events").glob("events_*.parquet"))
    found = house.rows(reading(house, "analytics_shop", files, tmp_path))
    assert {event["event_id"]: of_the_event(event) for event in found} == from_files(files)
    assert len({event["event_id"] for event in found}) == len(found)


def test_without_an_export_there_is_nothing(house: House) -> None:
    (node,) = house.runner.run(["compile", "--no-write-json", "--select", "stg_exported_events"])
    assert house.rows(node.sql) == []


def kind(type_: pa.DataType) -> str:
    """An Arrow type as BigQuery names it."""
    if pa.types.is_list(type_):
        return f"ARRAY<{kind(type_.value_type)}>"
    if pa.types.is_struct(type_):
        return f"STRUCT<{', '.join(f'{field.name} {kind(field.type)}' for field in type_)}>"
    return {"string": "STRING", "int64": "INT64", "double": "FLOAT64"}[str(type_)]


COLUMNS = {field.name: kind(field.type) for field in SCHEMA}
