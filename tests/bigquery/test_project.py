"""The dbt project on BigQuery: dbt-bigquery builds it on local-bigquery, and Google's analyser reads what it sends."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from bigquery.house import House
from bigquery.standing import Columns, filtered
from bigquery.standins.emulator import BigQueryServer
from bigquery.standins.zetasql import ZetaSql
from conformance import test_golden as golden
from google.cloud.bigquery import Client
from product import settings_of

from headwater.transform.project import variables
from headwater.transform.runner import DbtRunner, Node

pytest.importorskip(
    "dbt.adapters.bigquery", reason="NO DBT-BIGQUERY: pip install 'headwater[bigquery]' to test on it"
)

COMMENT = '/* {"app": "headwater", "part": "build"} */'
Said = list[tuple[str, dict[str, str]]]

GROUP = max(golden.GROUPS.values(), key=len)
CREDITS = golden.CREDITS.replace("from int_", "from {dataset}.int_")


@pytest.fixture(scope="module")
def said() -> Iterator[Said]:
    """Every statement that dbt sends to BigQuery, and the labels of its job."""
    statements: Said = []
    send = Client.query

    def recorded(client: Client, query: str, *rest: Any, **named: Any) -> Any:
        if query.startswith(COMMENT):
            statements.append((query, named["job_config"].labels))
        return send(client, query, *rest, **named)

    Client.query = recorded
    yield statements
    Client.query = send


@pytest.fixture(scope="module")
def house(
    bigquery_server: BigQueryServer, said: Said, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    built = House(bigquery_server, tmp_path_factory.mktemp("house"), "golden", golden.settings_of(GROUP[0]))
    yield built
    built.close()


def own_credits(house: House, dataset: str, case: Path) -> list[dict[str, str]]:
    prefix = f"{case.name}~"
    found = house.rows(CREDITS.format(dataset=dataset) + f"where starts_with(conversion_id, '{prefix}')")
    plain = [
        golden.as_expected(
            credit
            | {
                "conversion_id": credit["conversion_id"].removeprefix(prefix),
                "touch_at": credit["touch_at"].replace(tzinfo=None),
            }
        )
        for credit in found
    ]
    return sorted(plain, key=golden.order)


@pytest.fixture(scope="module")
def grown(house: House) -> list[Node]:
    """All events of the golden cases but the last of each, a full build; then the last ones, an incremental build."""
    for takes in (slice(None, -1), slice(-1, None)):
        for case in GROUP:
            events = [golden.of_its_own(event, f"{case.name}~") for event in golden.events_of(case)]
            house.load(events[takes])
        full = takes.start is None
        nodes = house.build(full=full)
        house.publish(nodes, full=full)
    return nodes


def test_the_incremental_build_gives_the_golden_credits(house: House, grown: list[Node]) -> None:
    assert {"scope_persons", "int_attribution_credits", "mart_channel_performance"} <= {
        node.name for node in grown
    }
    for case in GROUP:
        assert own_credits(house, house.dataset, case) == golden.expected_of(case), case.name


# local-bigquery has 20 digits before the point where BigQuery has 29 or 38, and divides NUMERIC by floating point
TOO_LARGE = ("credits_are_exact_beyond_64_bits", "large_values_are_converted")


def test_every_unit_test_passes(house: House, grown: list[Node], bigquery_server: BigQueryServer) -> None:
    command = ["test", "--select", "test_type:unit"]
    if not bigquery_server.is_real:
        command += ["--exclude", *(f"unit_test:{name}" for name in TOO_LARGE)]
    passed = house.runner.run(command)  # the first one that fails is raised
    assert len(passed) >= 70


def test_the_full_build_gives_the_golden_credits(house: House, grown: list[Node]) -> None:
    house.build(full=True)
    for case in GROUP:
        assert own_credits(house, f"{house.dataset}_build", case) == golden.expected_of(case), case.name


def test_tables_lie_by_day_and_person(house: House, grown: list[Node]) -> None:
    for table, day, cluster in (
        ("int_events", "event_timestamp", "device_id"),
        ("int_touchpoints", "touch_date", "person_id"),
        ("int_attribution_credits", "conversion_date", "person_id"),
        ("stg_ga4_sessions", "session_date", "person_id"),
    ):
        built = house.client.get_table(f"{house.dataset}_build.{table}")
        assert (built.time_partitioning.field, built.clustering_fields) == (day, [cluster]), table


def why_not(zetasql: ZetaSql, sql: str, tables: Mapping[str, Columns], dataset: str) -> str | None:
    """Why BigQuery would refuse the statement, one that reads all days of a raw table included."""
    return zetasql.analyse(sql, tables, default_dataset=dataset, filtered=filtered(tables))


def test_the_analyser_takes_every_statement(
    house: House, grown: list[Node], said: Said, zetasql: ZetaSql
) -> None:
    tables = house.schemas()
    sent = list(dict.fromkeys(sql for sql, _ in said))
    assert len(sent) > 100
    assert all(labels.items() >= {"app": "headwater", "part": "build"}.items() for _, labels in said)
    refused = {
        sql: reason
        for sql in sent
        if (reason := why_not(zetasql, sql, tables, f"{house.project}.{house.dataset}_build"))
    }
    assert refused == {}


def test_the_largest_value_is_shared_to_the_last_digit(
    house: House, grown: list[Node], zetasql: ZetaSql
) -> None:
    """By Google's own evaluator, since local-bigquery has not as many digits."""
    compiled = house.runner.run(["compile", "--no-write-json", "--select", "int_attribution_credits"])
    sql = next(node.sql for node in compiled if node.name == "int_attribution_credits")
    build = f"{house.project}.{house.dataset}_build"
    tables = {name: columns for name, columns in house.schemas().items() if name.startswith(build)}
    noon, value = datetime(2026, 5, 10, 12, tzinfo=UTC), Decimal("999999999999.999999")
    ages = [Fraction(days, 7) for days in (0, 5, 8, 13, 26)][::-1]
    steps = [
        {"conversion_id": "c", "step_number": place, "last_touch_rank": place, "channel": "Email"}
        | {"first_touch_at": noon - timedelta(days=float(age * 7)), "last_touch_at": noon}
        for place, age in enumerate(ages, 1)
    ]
    conversion = {"conversion_id": "c", "conversion_date": noon.date(), "conversion_value": value}
    rows = {f"{build}.int_user_journeys": steps, f"{build}.int_conversions": [conversion]}
    found = zetasql.evaluate(sql, tables, rows)
    weights = {
        "linear": [1] * 5,
        "position_based": [6, 1, 1, 1, 6],
        "time_decay": [round(10**12 * 2.0 ** -float(age)) for age in ages],
    }
    for model, given in weights.items():
        for column, whole in (("credit", 10**12), ("credited_value", int(value * 10**9))):
            shares = [whole * weight // sum(given) for weight in given]
            shares[-1] += whole - sum(shares)
            own = sorted(
                (row for row in found if row["attribution_model"] == model),
                key=lambda row: row["step_number"],
            )
            assert [row[column] * (10**12 if column == "credit" else 10**9) for row in own] == shares, model


CHOICES = {
    "a day elsewhere": {"timezone": "America/New_York"},
    "one currency": {"reporting_currency": "EUR"},
    "streams": {"streams": {"G-1": "it's \\ a stream"}},
    "streamed days stay": {"stream.supersede_streamed": False},
    "devices": {"attribution.identity": "device", "attribution.collapse_same_channel_day": False},
    "few models": {"attribution.models": ["linear", "time_decay"], "attribution.channel_group": "simple"},
    "own domains": {"attribution.internal_domains": ["a.example"], "attribution.ignored_referrers": []},
    "own rules": {
        "channel_rules": [
            {"channel": "Own's", "source": "a\\.b|'c'", "valid_from": "2026-05-01", "valid_to": "2026-05-31"}
        ]
    },
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("full", [True, False], ids=["full", "incremental"])
def test_the_analyser_takes_the_models_under_other_settings(
    choice: str, full: bool, house: House, grown: list[Node], zetasql: ZetaSql, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, "duckdb:///warehouse.duckdb", CHOICES[choice])
    runner = DbtRunner(tmp_path / "dbt", house.output, variables(settings, house.dataset))
    command = ["compile", "--no-write-json", "--select", "resource_type:model", "resource_type:test"]
    nodes = runner.run(command + (["--full-refresh"] if full else []))
    tables = house.schemas()
    refused = {
        node.name: reason
        for node in nodes
        if node.sql and (reason := why_not(zetasql, node.sql, tables, f"{house.project}.{house.dataset}"))
    }
    assert refused == {}
