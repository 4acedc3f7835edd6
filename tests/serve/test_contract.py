"""The OpenAPI document is true, forms are what they say, and no question does more than ask."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar import Litestar
from litestar.testing import TestClient
from product import Product
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from serve.conftest import HOSTILE

from headwater.errors import QueryError
from headwater.serve.endpoints import ENDPOINTS
from headwater.serve.openapi import path_of

Api = TestClient[Litestar]
TABLES = [one for one in ENDPOINTS if one.is_table and not one.named]
CORPUS = (
    "'",
    "' or 1=1 --",
    "'; drop table int_conversions; --",
    "1; select pg_sleep(10)",
    "$1",
    "{}",
    "{0}",
    "%s",
    "{{ 7 * 7 }}",
    "\\",
    "a\0b",
    "\u202e",
    "x" * 5000,
    "../../etc/passwd",
    "read_csv('/etc/passwd')",
    "-1",
    "99999999999999999999",
    "1e9",
    "٣",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
)


@pytest.mark.parametrize("path", sorted({path_of(one) for one in ENDPOINTS}))
def test_answers_are_as_described(api: Api, path: str) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(api.get("/v1/openapi.json").content))

    @settings(
        max_examples=25,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(schema[path]["GET"].as_strategy())
    def answered(case: schemathesis.Case) -> None:
        wanted = case.as_transport_kwargs(base_url="http://127.0.0.1")
        answer = api.request(
            "GET",
            wanted["url"],
            params=wanted.get("params"),
            headers={"accept": "application/json"},
        )
        checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
        case.validate_response(schemathesis.Response.from_httpx(answer, verify=False), checks=checks)

    answered()


def test_all_that_is_asked_is_described(api: Api) -> None:
    described = set(json.loads(api.get("/v1/openapi.json").content)["paths"])
    assert described == {path_of(one) for one in ENDPOINTS} | {"/v1/notifications"}


@pytest.mark.parametrize("one", ENDPOINTS, ids=path_of)
def test_nothing_asked_does_more_than_ask(api: Api, told: Product, one: Any) -> None:
    before = told.rows("select count(*) as n from int_conversions")
    names = [parameter.name for parameter in one.takes]
    for text in CORPUS:
        places = [
            (
                f"/v1{one.path}" + ("/channel" if one.named == "column" else "/x" if one.named else ""),
                {name: text},
            )
            for name in names
        ]
        if one.named:
            places.append((f"/v1{one.path}/{text.replace('%', '%25').replace('?', '%3F')[:1000]}", {}))
        for path, params in places:
            answer = api.get(path.replace("\0", "%00").replace("{", "%7B"), params=params)
            assert answer.status_code in (200, 400, 404, 422), (path, params, answer.text[:300])
            if answer.status_code != 200:
                assert set(answer.json()) == {"error"}
                assert len(answer.json()["error"]["message"]) < 1500
    assert told.rows("select count(*) as n from int_conversions") == before


def test_what_is_not_there_is_said(api: Api) -> None:
    for path, status, words in (
        ("/v1/channels?chanel=Email", 400, "did you mean 'channel'?"),
        (
            "/v1/channels?from=2026-05-09&to=2026-05-01",
            400,
            "from (2026-05-09) is after to (2026-05-01): swap them.",
        ),
        ("/v1/channels?from=1999-01-01&to=2026-05-01", 400, "more than ten years"),
        ("/v1/channels?from=0001-01-01&to=0001-01-02", 400, "choose a later one"),
        ("/v1/channels?limit=0", 400, "limit must be a whole number from 1 to 100000"),
        ("/v1/channels?limit=5&limit=6", 400, "limit is given twice"),
        ("/v1/channels?cursor=abc", 400, "cursor is none that an answer gave"),
        ("/v1/conversions?cursor=abc", 400, "cursor is none that an answer gave"),
        ("/v1/channels?model=liner", 400, "did you mean 'linear'?"),
        ("/v1/comparison?base=liner", 400, "did you mean 'linear'?"),
        ("/v1/timeseries?grain=year", 400, "grain must be one of day, week, month"),
        ("/v1/campaigns?by=channel,channel", 400, "each once"),
        ("/v1/values/campain", 400, "did you mean 'campaign'?"),
        ("/v1/nothing", 404, "/v1/openapi.json names all there is"),
    ):
        answer = api.get(path)
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
    assert api.post("/v1/channels").status_code == 405


@pytest.mark.parametrize("one", TABLES, ids=path_of)
def test_all_forms_hold_the_same(api: Api, one: Any) -> None:
    path = f"/v1{one.path}"
    rows = json.loads(api.get(path).content)["data"]
    table = pa.ipc.open_stream(api.get(path, params={"format": "arrow"}).content).read_all()
    text = list(csv.reader(io.StringIO(api.get(path, params={"format": "csv"}).text)))
    assert len(rows) == table.num_rows == len(text) - 1 > 0
    assert list(rows[0]) == table.column_names == text[0]
    for name in ("conversions", "value", "last_click_value"):
        if name in table.column_names and one.path != "/journeys/paths":
            assert pa.types.is_decimal(table.schema.field(name).type) or pa.types.is_integer(
                table.schema.field(name).type
            )
    for as_format, kind in (("csv", "text/csv"), ("arrow", "application/vnd.apache.arrow.stream")):
        named = api.get(path, params={"format": as_format})
        accepted = api.get(path, headers={"accept": f"text/html;q=0.1, {kind}"})
        assert named.headers["content-type"].split(";")[0] == kind
        assert named.content == accepted.content


def test_spreadsheets_run_nothing_and_numbers_keep_their_digits(api: Api) -> None:
    given = {"from": "2026-04-20", "to": "2026-05-30", "by": "source,campaign", "format": "csv"}
    rows = list(csv.DictReader(io.StringIO(api.get("/v1/campaigns", params=given).text)))
    assert {"'=cmd()"} <= {row["source"] for row in rows}
    assert {"'@partners", HOSTILE} <= {row["campaign"] for row in rows}
    exact = json.loads(api.get("/v1/campaigns", params={**given, "format": "json"}).content, parse_float=str)[
        "data"
    ]
    shares = [str(row["linear_conversions"]) for row in exact]
    assert any(len(share.partition(".")[2]) == 12 for share in shares)
    assert [row["linear_conversions"] for row in rows] == shares


def test_the_connection_that_answers_only_reads(told: Product, engine: str) -> None:
    reader = told.warehouse.reader()
    refused = [
        "create table t (a int)",
        "insert into int_devices values ('a', 'b')",
        "drop view mart_attribution",
    ]
    if engine == "duckdb":
        refused += [
            "attach ':memory:' as other",
            "set threads = 1",
            "copy (select 1) to 'file.csv'",
            "load json",
        ]
    for sql in refused:
        with pytest.raises(QueryError), reader.snapshot():
            reader.query(sql)
    with reader.snapshot():
        assert reader.query("select 1 as one").to_pylist() == [{"one": 1}]
    reader.close()
