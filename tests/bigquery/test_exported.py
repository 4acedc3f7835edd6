"""A GA4 export taken in where it lies: the events of its files, day by day, as Google writes and rewrites them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigquery.service import BigQueryService
from bigquery.standins.emulator import BigQueryServer
from engine.stream import Stream
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery.format_options import ParquetOptions
from product import Product
from sources.test_ga4_export import FULL, SCHEMA, row

from headwater.engine import rebuild
from headwater.engine.engine import EXPORT, Engine
from headwater.exported import take_in
from headwater.operate.cost import GIB, cost
from headwater.operate.dry_run import of_exports
from headwater.operate.reads import LEAST, Looks, Read, Workload
from headwater.operate.volume import looks_of
from headwater.settings import Settings
from headwater.sources.load import LoadReport, load
from headwater.transform.build import Builder, BuildReport
from headwater.warehouse import Warehouse, bigquery_append, bigquery_export
from headwater.warehouse.bigquery_jobs import Jobs

pytest.importorskip(
    "dbt.adapters.bigquery", reason="NO DBT-BIGQUERY: pip install 'headwater[bigquery]' to test on it"
)

Row = dict[str, Any]
Server = BigQueryServer | BigQueryService
KEY = ("event_id", "stream_id", "source_kind")
DAY = "events_20260501"


@pytest.fixture(scope="module")
def sent() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that goes to BigQuery, with what is said of its job."""
    statements: list[tuple[str, Any]] = []
    send = bigquery.Client.query

    def recorded(client: bigquery.Client, query: str, *rest: Any, **named: Any) -> Any:
        statements.append((query, rest[0] if rest else named.get("job_config")))
        return send(client, query, *rest, **named)

    bigquery.Client.query = recorded
    yield statements
    bigquery.Client.query = send


class Export:
    """A property's export, as Google writes it into a dataset: one beside the others of this run."""

    def __init__(self, server: Server, dataset: str, folder: Path) -> None:
        self.client, self.folder, self.file = server.client(), folder, folder
        self.name = whole(server, dataset)
        self.client.create_dataset(self.name)

    def write(self, table: str, rows: Sequence[Row], schema: pa.Schema = SCHEMA) -> Path:
        """The table as a whole, anew; the file says the same."""
        file = self.folder / f"{table}.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), schema), file)
        name = f"{self.name}.{table}"
        self.client.delete_table(name, not_found_ok=True)
        options = ParquetOptions()
        options.enable_list_inference = True
        config = bigquery.LoadJobConfig(source_format="PARQUET", parquet_options=options)
        with file.open("rb") as content:
            self.client.load_table_from_file(content, name, job_config=config).result()
        self.touch(table)
        return file

    def touch(self, table: str) -> None:
        """The stand-in keeps no time of a load: a change of the table's description has one."""
        described = self.client.get_table(f"{self.name}.{table}")
        described.description = f"{described.description or ''}."
        self.client.update_table(described, ["description"])


numbers = count(1)


def whole(server: Server, dataset: str) -> str:
    return f"{server.project}.{server.dataset(dataset)}"


@pytest.fixture
def export(on_bigquery: Server, tmp_path: Path) -> Iterator[Export]:
    export = Export(on_bigquery, f"analytics_{next(numbers)}", tmp_path)
    yield export
    export.client.delete_dataset(export.name, delete_contents=True)


@pytest.fixture(scope="session")
def nowhere(on_bigquery: Server) -> str:
    """A dataset that is not there."""
    return whole(on_bigquery, "analytics_none")


@pytest.fixture(scope="module")
def shop(on_bigquery: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A warehouse that all of them share, so that its models are parsed once: events are told by their stream."""
    product = Product(tmp_path_factory.mktemp("home"), on_bigquery.url_of("shop"))
    yield product
    product.close()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "files", "duckdb:///warehouse.duckdb")
    yield product
    product.close()


def reading(shop: Product, *exports: str) -> Settings:
    warehouse = shop.settings.warehouse.model_copy(update={"export": exports})
    return shop.settings.model_copy(update={"warehouse": warehouse})


def look(shop: Product, export: Export) -> LoadReport:
    return take_in(reading(shop, export.name), shop.warehouse)


def counts(report: LoadReport) -> tuple[int, int, int]:
    assert [one.error for one in report.files if one.error] == []
    return report.accepted, report.duplicates, report.dead_letters


def taken(report: LoadReport) -> list[str]:
    return [str(one.path).rpartition(".")[2] for one in report.files]


def loaded(files: Product, *paths: Path) -> tuple[int, int, int]:
    return counts(load(paths, "auto", files.warehouse, files.settings))


def events(product: Product, stream: str) -> dict[tuple[str, ...], Row]:
    found = product.rows(f"select * from ga4_events_raw where stream_id = '{stream}'")
    told = [
        {name: value for name, value in one.items() if name not in ("batch_id", "received_at")}
        for one in found
    ]
    assert len({tuple(one[name] for name in KEY) for one in told}) == len(told)
    return {tuple(one[name] for name in KEY): one for one in told}


def of_days(product: Product, stream: str) -> list[Row]:
    return product.rows(
        f"select source_kind, quarter from headwater_coverage where stream_id = '{stream}' order by 1, 2"
    )


def visit(stream: str, device: str, place: int = 0, **change: Any) -> Row:
    params = {"page_location": f"https://shop.example/?utm_source=s{device}&utm_medium=email", "n": place}
    return row(
        user_pseudo_id=device,
        stream_id=stream,
        event_timestamp=1_777_629_600_000_000 + 1_000_000 * place,
        params={**params, **change.pop("params", {})},
        **change,
    )


def said(row: Row) -> str:
    """A row of a mart: engines write a decimal with more or fewer zeros at its end."""
    return str(
        {name: f"{one:f}".rstrip("0") if isinstance(one, Decimal) else one for name, one in row.items()}
    )


def bought(stream: str, device: str, place: int, value: float = 12.5) -> Row:
    ecommerce = {"purchase_revenue": value, "transaction_id": f"{stream}{device}{place}"}
    return visit(stream, device, place, event_name="purchase", ecommerce=ecommerce)


def channel(name: str) -> Row:
    """What GA4 knows only once the day is over."""
    return {"session_traffic_source_last_click": {"cross_channel_campaign": {"default_channel_group": name}}}


def test_a_days_tables_are_what_their_files_are(shop: Product, export: Export, files: Product) -> None:
    """Its intraday table first, then the day itself: the same rows, the same books, the same marts."""
    early = [visit("1", "a"), bought("1", "b", 7), visit("1", "gone", 3)]
    day = [
        *(one | channel("Email") for one in early[:2]),
        *(
            FULL | {"stream_id": "1"},
            visit("1", "a", 1),
            bought("1", "a", 2),
            visit("1", "c"),
            visit("1", "c"),
        ),
        row(event_name=None),
    ]
    intraday = export.write("events_intraday_20260501", early)
    assert counts(look(shop, export)) == loaded(files, intraday) == (3, 0, 0)
    assert {kind for *_, kind in events(shop, "1")} == {"export_intraday"}
    whole = export.write("events_20260501", day)
    export.touch("events_intraday_20260501")
    export.write("users_20260501", day)  # another of the export's tables: no events
    again = look(shop, export)
    assert taken(again) == ["events_20260501"]  # which stands for what there was of it before
    assert counts(again) == loaded(files, whole) == (6, 1, 1)
    assert again.reasons == {"missing_event_name": 1}
    assert events(shop, "1") == events(files, "1")
    assert of_days(shop, "1") == of_days(files, "1")
    for product in (shop, files):
        product.build(test=False)
    for mart in ("mart_attribution", "mart_channel_performance", "mart_attribution_comparison"):
        found, wanted = (sorted(map(said, one.rows(f"select * from {mart}"))) for one in (shop, files))
        assert found == wanted
        assert len(found) > 1
    assert shop.rows("select count(*) as n from stg_ga4_events") == [{"n": 6}]


def test_a_day_that_google_writes_again(shop: Product, export: Export, files: Product) -> None:
    """Late events come to it, an event that differs is a conflict, and one that is gone stays: as with newer files."""
    first = [visit("2", "a"), visit("2", "b"), bought("2", "b", 3)]
    assert counts(look_at(shop, export, first)) == loaded(files, export.file) == (3, 0, 0)
    later = [visit("2", "b"), bought("2", "b", 3, value=99.0), visit("2", "late", 9)]
    assert counts(look_at(shop, export, later)) == loaded(files, export.file) == (1, 1, 1)
    assert events(shop, "2") == events(files, "2")
    assert ("id_conflict", export.name + "." + DAY) in letters(shop)
    assert counts(look_at(shop, export, later)) == loaded(files, export.file) == (0, 2, 1)
    assert events(shop, "2") == events(files, "2")
    assert len([one for one in letters(shop) if one[1].startswith(export.name)]) == 1


def test_days_of_another_time_zone_are_told(shop: Product, export: Export) -> None:
    in_the_evening = [visit("10", "a", 3600 * 15 + place) | {"event_date": "20260501"} for place in range(9)]
    export.write(DAY, in_the_evening)  # after midnight in UTC
    (warning,) = look(shop, export).warnings
    assert warning.startswith(
        f"{export.name}.{DAY}: the export's days are not in timezone UTC (100% of its events"
    )


def test_what_has_not_changed_is_not_read(shop: Product, export: Export, sent: list[tuple[str, Any]]) -> None:
    export.write("events_20260501", [visit("3", "a")])
    export.write("events_20260502", [visit("3", "a", 9)])
    del sent[:]
    assert taken(look(shop, export)) == ["events_20260501", "events_20260502"]
    ours = [(sql, job) for sql, job in sent if export.name in sql]
    assert len(ours) == 6  # its tables, the rows of two of them and their settling, the days of the newest
    assert all(job.labels == {"app": "headwater", "part": "load"} for _, job in ours)
    assert all(job.maximum_bytes_billed == 100 * 10**9 for _, job in ours)
    del sent[:]
    assert taken(look(shop, export)) == []
    assert len(sent) == 1
    assert "__TABLES__" in sent[0][0]
    export.touch("events_20260502")
    del sent[:]
    assert taken(look(shop, export)) == ["events_20260502"]
    assert not any("events_20260501" in sql for sql, _ in sent)


@pytest.mark.parametrize("place", ["before its rows are settled", "while they are"])
def test_what_dies_has_taken_nothing_and_takes_all_the_next_time(
    place: str, shop: Product, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = f"4 {place}"
    export.write("events_20260501", [visit(stream, "a"), visit(stream, "b")])
    with monkeypatch.context() as faulty:
        if place.startswith("before"):
            faulty.setattr(bigquery_append, "settle", dies)
            with pytest.raises(InterruptedError):
                look(shop, export)
        else:
            faulty.setattr(
                bigquery_append, "taken", lambda *_: ["insert into nothing_of_this_name values (1)"]
            )
            (report,) = look(shop, export).files
            assert report.error is not None
    assert events(shop, stream) == {}
    assert counts(look(shop, export)) == (2, 0, 0)
    assert counts(look(shop, export)) == (0, 0, 0)
    assert len(events(shop, stream)) == 2


def dies(*_: Any, **__: Any) -> Any:
    raise InterruptedError


def test_a_table_that_is_no_export_keeps_no_other_out(shop: Product, export: Export) -> None:
    without = pa.schema([field for field in SCHEMA if field.name != "event_params"])
    export.write("events_20260501", [visit("5", "a")], without)
    export.write("events_20260502", [visit("5", "a")])
    report = look(shop, export)
    assert [one.accepted for one in report.files] == [0, 1]
    assert str(report.files[0].error).startswith(
        f"{export.name}.events_20260501 is no table of a GA4 export: it has no event_params"
    )
    assert taken(look(shop, export)) == ["events_20260501"]


def test_what_cannot_be_reached_is_told_in_a_sentence(
    shop: Product, export: Export, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> str:
        return str(look(shop, export).files[0].error)

    export.write("users_20260501", [visit("6", "a")])
    assert told().startswith(f"{export.name} is no GA4 export: it holds no table events_YYYYMMDD")
    (missing,) = take_in(reading(shop, nowhere), shop.warehouse).files
    assert str(missing.error).startswith(f"There is no dataset {nowhere}: check warehouse.export")
    found = export.client.get_dataset(export.name)
    found._properties["location"] = "europe-west3"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(bigquery.Client, "get_dataset", lambda *_, **__: found)
        elsewhere.setattr(shop.warehouse, "_jobs", replace(shop.warehouse._jobs, location="US"))
        assert 'set warehouse.location = "europe-west3" and let warehouse.url name' in told()

    def refused(*_: Any, **__: Any) -> Any:
        raise exceptions.Forbidden(
            "Access Denied: Dataset local:analytics: Permission bigquery.datasets.get denied on dataset"
        )

    with monkeypatch.context() as closed:
        closed.setattr(bigquery.Client, "get_dataset", refused)
        assert (
            f"The account may not read the export {export.name}: give it the role BigQuery Data Viewer"
            in told()
        )


def test_an_intraday_table_that_goes_meanwhile_is_no_mistake(
    shop: Product, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.write("events_intraday_20260501", [visit("7", "a")])
    fields = bigquery_export.fields

    def gone(jobs: Jobs, table: str) -> Any:
        export.client.delete_table(table, not_found_ok=True)
        return fields(jobs, table)

    monkeypatch.setattr(bigquery_export, "fields", gone)
    assert look(shop, export).files == []


def test_the_engine_looks_by_itself(shop: Product, export: Export, nowhere: str, tmp_path: Path) -> None:
    export.write("events_20260501", [visit("8", "a")])
    engine = Engine(reading(shop, export.name, nowhere), shop.warehouse, Stream(tmp_path).journal)
    looking = Thread(target=engine.look_at_export)
    looking.start()
    until = time.monotonic() + 120
    while EXPORT not in engine.vitals.alerts() and time.monotonic() < until:
        time.sleep(0.1)
    engine.stop.set()
    looking.join()
    assert len(events(shop, "8")) == 1  # the one that is not there keeps the other from nothing
    (alert,) = [one for one in engine.status()["alerts"] if one["name"] == EXPORT]
    assert alert["message"].startswith(f"There is no dataset {nowhere}")
    assert engine.ticks.is_due()


def test_a_warehouse_that_is_made_anew_has_what_the_export_has_now(
    on_bigquery: Server, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its models' tests, which take long on the stand-in."""
    url = on_bigquery.url_of("anew")
    old = Product(tmp_path / "home", url, {"warehouse.export": export.name})
    for rows in ([visit("11", "gone"), visit("11", "b")], [visit("11", "b")]):
        export.write(DAY, rows)
        take_in(old.settings, old.warehouse)
    assert len(events(old, "11")) == 2
    old.close()

    def build(settings: Settings, warehouse: Warehouse, **_: Any) -> BuildReport:
        return Builder(settings, warehouse).build(full_refresh=True, test=False)

    monkeypatch.setattr(rebuild, "build", build)
    done = rebuild.rebuild(old.settings, lambda _: None)
    assert (done.files, done.missing, done.loaded, done.persons) == (0, [], 1, 1)
    new = Product(tmp_path / "home", url, {"warehouse.export": export.name})
    assert {one["user_pseudo_id"] for one in events(new, "11").values()} == {"b"}
    assert counts(take_in(new.settings, new.warehouse)) == (0, 0, 0)
    new.close()


def test_what_a_look_reads_is_asked_of_the_export_itself(shop: Product, export: Export, nowhere: str) -> None:
    export.write("events_20260430", [visit("12", "a")])
    export.write("events_intraday_20260501", [visit("12", "a", 9)])
    settings = reading(shop, export.name)
    looks = looks_of(settings, shop.warehouse)
    assert looks == Looks(900, has_intraday=True)
    month = cost(Workload(1e6, 30.0, 7.0, looks=looks), 900, settings.prices)
    reckoned = {one.name: one.statements for one in month.programs}
    with_bytes = Telling(shop.warehouse, {"events_20260430": 2 * GIB, "__TABLES__": 3 * LEAST})
    found = of_exports(settings, with_bytes, reckoned)  # type: ignore[arg-type]
    assert found.keys() == {"look", "day", "intraday"}
    for name, read in (("look", 3 * LEAST), ("day", 2 * GIB), ("intraday", GIB)):
        assert found[name][0] == Read(reckoned[name][0].name, read, read + (name == "look") * 2 * LEAST)
        assert found[name][1:] == reckoned[name][1:]
    assert of_exports(settings, shop.warehouse, reckoned)["day"][0].name == "export"
    assert events(shop, "12") == {}
    assert of_exports(reading(shop, nowhere), shop.warehouse, reckoned) == {}
    assert of_exports(reading(shop), shop.warehouse, reckoned) == {}


class Telling:
    """The warehouse, whose dry runs say these bytes of the statements that name a table."""

    def __init__(self, warehouse: Warehouse, bytes_: dict[str, int]) -> None:
        self._warehouse, self._bytes = warehouse, bytes_

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def dry_run(self, sql: str) -> tuple[int, list[tuple[str, str]]]:
        _, columns = self._warehouse.dry_run(sql)  # type: ignore[attr-defined]
        return next(read for table, read in self._bytes.items() if table in sql), columns


def look_at(shop: Product, export: Export, rows: Sequence[Row]) -> LoadReport:
    export.file = export.write(DAY, rows)
    return look(shop, export)


def letters(product: Product) -> list[tuple[str, str]]:
    found = product.rows("select reason, origin from dead_letters order by 1, 2")
    return [(one["reason"], one["origin"]) for one in found]
