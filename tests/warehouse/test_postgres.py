"""What only PostgreSQL knows: URLs, passwords, schemas, numbers of any size, sessions side by side."""

import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from product import Product
from raw_events import batch, contents, raw

from headwater.errors import WarehouseError, WarehouseUnavailable
from headwater.warehouse import connect
from headwater.warehouse.postgres import PostgresWarehouse
from headwater.warehouse.postgres_errors import without_password
from headwater.warehouse.protocol import EventBatch

DOCS = Path(__file__).parents[2] / "docs"
ROLE = "Ann O'Neil"
SECRET = "p@ss/w:rd%2F #?&=ü'\\\""
PURCHASE = {
    "event_name": "purchase",
    "event_timestamp": "2026-05-01T10:00:00Z",
    "user_pseudo_id": "a",
    "value": 1,
}


@pytest.fixture
def server(postgres_server: Any, request: pytest.FixtureRequest) -> Any:
    if "postgres" not in request.config.getoption("--warehouse"):
        pytest.skip("PostgreSQL was not chosen with --warehouse")
    postgres_server.psql(
        "drop schema if exists public_build cascade; drop schema public cascade; create schema public;"
    )
    return postgres_server


@pytest.fixture
def secret_url(server: Any) -> Iterator[str]:
    """A role that has to give its password, in a database whose name needs care as well."""
    rules = Path(server.pgdata) / "pg_hba.conf"
    before = rules.read_text()
    quoted = SECRET.replace("'", "''")
    server.psql('drop database if exists "Shop 1" with (force);')
    server.psql(f'drop role if exists "{ROLE}";')
    server.psql(f"create role \"{ROLE}\" login password '{quoted}';")
    server.psql(f'create database "Shop 1" owner "{ROLE}";')
    rules.write_text('local "Shop 1" all scram-sha-256\n' + before)
    server.psql("select pg_reload_conf();")
    login = f"{quote(ROLE)}:{quote(SECRET, safe='')}"
    yield f"postgresql://{login}@/{quote('Shop 1')}?host={server.pgdata}"
    rules.write_text(before)
    server.psql("select pg_reload_conf();")
    server.psql('drop database "Shop 1" with (force);')
    server.psql(f'drop role "{ROLE}";')


def test_a_password_of_any_characters_reaches_both_ways_in_and_is_written_nowhere(
    secret_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    product = Product(tmp_path / "home", secret_url)
    (tmp_path / "home" / "headwater.toml").unlink()  # the one place where the user has written it
    product.load([PURCHASE])
    assert product.build(test=False).persons == 1
    assert product.rows("select count(*) as n from int_conversions") == [{"n": 1}]
    product.close()
    written = capfd.readouterr()
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    texts = [written.out, written.err, *(path.read_text("utf-8", "replace") for path in files)]
    assert any("purchase" in text for text in texts)
    for spelling in (SECRET, quote(SECRET, safe=""), "p@ss", "p%40ss"):
        assert not any(spelling in text for text in texts)


@pytest.mark.parametrize("spoilt", ["wrong", "100%wrong", "wr/ong", "wr#ong?"])
def test_a_wrong_password_is_told_without_it(secret_url: str, spoilt: str) -> None:
    url = secret_url.replace(quote(SECRET, safe=""), spoilt)
    with pytest.raises(WarehouseError) as caught:
        PostgresWarehouse(url)
    assert spoilt not in str(caught.value)
    assert "ong" not in str(caught.value).replace(url.partition("@")[2], "").replace("wrongly", "")


def test_a_password_never_shows() -> None:
    assert without_password("postgresql://ann:s%40c@h/db?x=1") == "postgresql://ann:***@h/db?x=1"
    assert without_password("postgresql://ann:s/e@c@h/db") == "postgresql://ann:***@h/db"
    assert (
        without_password("postgresql:///db?user=a&password=sec&port=1")
        == "postgresql:///db?user=a&password=***&port=1"
    )
    assert without_password("postgresql://ann@h/db") == "postgresql://ann@h/db"


def test_a_schema_of_its_own(server: Any, tmp_path: Path) -> None:
    server.psql("drop schema if exists analytics cascade; create schema analytics;")
    product = Product(tmp_path / "home", server.get_uri() + "&options=-csearch_path%3Danalytics")
    product.load([PURCHASE])
    assert product.build(test=False).persons == 1
    assert product.rows("select conversion_count from mart_first_click_attribution") == [
        {"conversion_count": Decimal(1)}
    ]
    assert "mart_attribution" in product.warehouse.tables()
    product.close()
    plain = connect(server.get_uri(), tmp_path)
    assert "mart_attribution" not in plain.tables()
    plain.close()
    server.psql("drop schema analytics cascade; drop schema analytics_build cascade;")


@pytest.mark.parametrize(
    ("schema", "said"),
    [("nowhere", "create schema"), ("Analytics", "small letters"), ("two words", "small letters")],
)
def test_a_schema_that_cannot_be_used_is_refused(server: Any, schema: str, said: str) -> None:
    if schema != "nowhere":
        server.psql(f'drop schema if exists "{schema}"; create schema "{schema}";')
    path = quote('-csearch_path="{}"'.format(schema.replace(" ", "\\ ")))
    with pytest.raises(WarehouseError, match=said):
        PostgresWarehouse(f"{server.get_uri()}&options={path}")
    server.psql(f'drop schema if exists "{schema}";')


def test_what_the_url_leaves_open_comes_from_the_environment(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", str(server.pgdata))
    monkeypatch.setenv("PGUSER", "postgres")
    product = Product(tmp_path / "home", "postgresql:///postgres")
    product.load([PURCHASE])
    assert product.build(test=False).persons == 1
    product.close()


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(
        WarehouseUnavailable, match=r"does not answer: check that it runs.*Connection refused"
    ):
        PostgresWarehouse("postgresql://ann:secret@127.0.0.1:1/db")


def test_a_session_that_the_server_ends(server: Any) -> None:
    warehouse = PostgresWarehouse(server.get_uri())
    pid = warehouse.query("select pg_backend_pid() as pid")["pid"][0].as_py()

    def broken() -> Iterator[EventBatch]:
        yield batch([raw("one")])
        server.psql(f"select pg_terminate_backend({pid});")
        yield batch([raw("two")])

    with pytest.raises(WarehouseUnavailable, match="does not answer"):
        warehouse.append("ga4_events_raw", "a", broken())
    again = PostgresWarehouse(server.get_uri())
    assert contents(again)["ga4_events_raw"] == []
    again.close()


def test_numbers_of_any_size(server: Any) -> None:
    warehouse = PostgresWarehouse(server.get_uri())
    (found,) = warehouse.query(
        "select numeric 'NaN' as nan, 2::numeric ^ 200 as huge, -1.50 as plain, numeric '-Infinity' as least, "
        "cast(null as numeric) as none, 99999999999999999999999999999999999999 as longest"
    ).to_pylist()
    assert str(found.pop("nan")) == "nan"
    assert found == {
        "huge": 2.0**200,
        "plain": Decimal("-1.50"),
        "least": float("-inf"),
        "none": None,
        "longest": Decimal("9" * 38),
    }
    warehouse.close()


def test_an_id_may_be_of_any_length_and_is_still_stored_once(server: Any) -> None:
    warehouse = PostgresWarehouse(server.get_uri())
    long = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(20_000))
    row = raw(event_id=long, user_pseudo_id=long, transaction_id=long)
    for expected in ((1, 0), (0, 1)):
        appended = warehouse.append("ga4_events_raw", "a", [batch([row])])
        assert (appended.accepted, appended.duplicates) == expected
    assert len(contents(warehouse)["ga4_events_raw"]) == 1
    warehouse.close()


def test_connecting_does_not_wait_for_a_load_that_is_under_way(server: Any) -> None:
    loading, reached, done = PostgresWarehouse(server.get_uri()), threading.Event(), threading.Event()

    def slow() -> Iterator[EventBatch]:
        yield batch([raw("one")])
        reached.set()
        assert done.wait(30)

    loader = threading.Thread(target=loading.append, args=("ga4_events_raw", "a", slow()))
    loader.start()
    assert reached.wait(30)
    try:
        beside = PostgresWarehouse(server.get_uri() + "&options=-clock_timeout%3D2000")
        assert contents(beside)["ga4_events_raw"] == []
        beside.close()
    finally:
        done.set()
        loader.join()
    assert len(contents(loading)["ga4_events_raw"]) == 1
    loading.close()


def test_two_loads_at_once_store_each_event_once(server: Any) -> None:
    rows = [raw(f"event {n}") for n in range(2_000)]
    warehouses = [PostgresWarehouse(server.get_uri()) for _ in range(3)]
    results: list[int] = []

    def work(warehouse: PostgresWarehouse) -> None:
        for start in range(0, 2_000, 500):
            results.append(
                warehouse.append("ga4_events_raw", "a", [batch(rows[start : start + 500])]).accepted
            )

    threads = [threading.Thread(target=work, args=(warehouse,)) for warehouse in warehouses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert sum(results) == 2_000
    assert len(contents(warehouses[0])["ga4_events_raw"]) == 2_000
    for warehouse in warehouses:
        warehouse.close()


def test_the_role_that_the_docs_make_is_enough_and_no_more(server: Any, tmp_path: Path) -> None:
    told = re.findall(r"```sql\n(.+?)```", (DOCS / "security.md").read_text(), re.DOTALL)
    for made, place, options in (
        (told[0], "headwater", ""),
        (
            told[1].replace("database shop", "database postgres"),
            "postgres",
            "&options=-csearch_path%3Dheadwater",
        ),
    ):
        try:
            for statement in made.strip().splitlines():
                server.psql(statement)
            product = Product(
                tmp_path / place, f"postgresql://headwater@/{place}?host={server.pgdata}{options}"
            )
            assert product.warehouse.excess() is None
            product.load([PURCHASE])
            assert product.build(test=False).persons == 1
            for sql in ("select pg_read_file('/etc/passwd') as a", "copy (select 1) to program 'id'"):
                with pytest.raises(WarehouseError, match="permission denied"):
                    product.warehouse.query(sql)
            product.close()
        finally:
            for statement in (
                "drop database if exists headwater with (force);",
                "drop schema if exists headwater cascade;",
                "drop schema if exists headwater_build cascade;",
                "revoke create on database postgres from headwater;",
                "drop role headwater;",
            ):
                server.psql(statement)


@pytest.mark.parametrize(
    "right", ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"]
)
def test_rights_that_headwater_never_needs_are_told(server: Any, right: str, tmp_path: Path) -> None:
    server.psql(f"create role ann login; create role staff; grant {right} to staff; grant staff to ann;")
    server.psql("grant all on schema public to ann;")
    try:
        warehouse = PostgresWarehouse(f"postgresql://ann@/postgres?host={server.pgdata}")
        assert "The role ann of " in str(warehouse.excess())
        warehouse.close()
    finally:
        server.psql("drop owned by ann; drop role ann; drop role staff;")
    warehouse = PostgresWarehouse(server.get_uri())
    assert "docs/security.md" in str(warehouse.excess())
    warehouse.close()


def test_a_full_build_leaves_no_table_without_the_planners_statistics(server: Any, tmp_path: Path) -> None:
    """What has been filled a moment ago is planned badly without them, until the server looks at it by itself."""
    product = Product(tmp_path / "home", server.get_uri())
    product.load([PURCHASE])
    product.build(test=False)
    unknown = product.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and reltuples < 0 "
        "and (relname like 'int\\_%' or relname like 'stg\\_%' or relname in ('ga4_events_raw', 'events_streaming'))"
    )
    assert unknown == []
    product.close()
