"""Every answer is what plain Python makes of the published tables, whatever it is narrowed to."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from statistics import median
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from product import Product, Row
from serve.conftest import HOSTILE

from headwater.serve.filters import Filters
from headwater.serve.questions.events import events

Api = TestClient[Litestar]
Given = Mapping[str, Any]

MODELS = ("first_click", "last_click", "linear", "position_based", "time_decay")
LAST_DAYS: Given = {}
MAY: Given = {"from": "2026-05-01", "to": "2026-05-10"}
NARROWED: tuple[Given, ...] = (
    LAST_DAYS,
    MAY,
    {**MAY, "channel": "Paid Search"},
    {**MAY, "channel": ["Email", "Direct"], "conversion_event": "purchase"},
    {**MAY, "campaign": ""},
    {**MAY, "campaign": ["", "letter"], "source": "news"},
    {**MAY, "campaign": HOSTILE},
    {**MAY, "medium": "nothing of the kind"},
    {"from": "2026-05-05", "to": "2026-05-05", "model": ["linear", "last_click"]},
    {"from": "2020-01-01", "to": "2020-01-31"},
)
DIMENSIONS = ("channel", "source", "medium", "campaign")


@cache
def whole(told: Product, table: str) -> list[Row]:
    return told.rows(f"select * from {table}")


def ask(api: Api, path: str, given: Given) -> dict[str, Any]:
    answer = api.get(f"/v1{path}", params=dict(given))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.content, parse_float=Decimal)
    return found


def days(told: Product, given: Given) -> tuple[date, date]:
    last = max(
        *(row["conversion_date"] for row in whole(told, "int_conversions")),
        *(row["session_date"] for row in whole(told, "stg_ga4_sessions")),
    )
    if "to" in given:
        last = date.fromisoformat(given["to"])
    first = date.fromisoformat(given["from"]) if "from" in given else last - timedelta(days=13)
    return first, last


def listed(given: Given, name: str) -> list[str]:
    found = given.get(name, [])
    return [found] if isinstance(found, str) else list(found)


def fits(row: Row, given: Given, names: Iterable[str]) -> bool:
    return all(not listed(given, name) or (row[name] or "") in listed(given, name) for name in names)


def models(given: Given) -> list[str]:
    return listed(given, "model") or list(MODELS)


def credits(told: Product, given: Given, first: date | None = None, last: date | None = None) -> list[Row]:
    since, until = days(told, given)
    return [
        row
        for row in whole(told, "int_attribution_credits")
        if (first or since) <= row["conversion_date"] <= (last or until)
        and fits(row, given, ("conversion_event", *DIMENSIONS))
        and row["attribution_model"] in models(given)
    ]


def sessions(told: Product, given: Given, first: date | None = None, last: date | None = None) -> list[Row]:
    since, until = days(told, given)
    return [
        row
        for row in whole(told, "stg_ga4_sessions")
        if (first or since) <= row["session_date"] <= (last or until) and fits(row, given, DIMENSIONS)
    ]


def conversions(told: Product, given: Given) -> list[Row]:
    since, until = days(told, given)
    matching = {
        row["conversion_id"] for row in whole(told, "int_user_journeys") if fits(row, given, DIMENSIONS)
    }
    return [
        row
        for row in whole(told, "int_conversions")
        if since <= row["conversion_date"] <= until
        and fits(row, given, ("conversion_event",))
        and row["conversion_id"] in matching
    ]


def journeys(told: Product, given: Given) -> list[tuple[Row, list[Row]]]:
    steps = defaultdict(list)
    for row in whole(told, "int_user_journeys"):
        steps[row["conversion_id"]].append(row)
    return [
        (row, sorted(steps[row["conversion_id"]], key=lambda step: int(step["step_number"])))
        for row in conversions(told, given)
    ]


def added(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, tuple[Decimal, Decimal]]:
    sums: dict[Any, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for row in rows:
        count, value = sums[key(row)]
        sums[key(row)] = count + row["credit"], value + (row["credited_value"] or 0)
    return sums


@pytest.mark.parametrize("given", NARROWED)
def test_overview(api: Api, told: Product, given: Given) -> None:
    said = ask(api, "/overview", given)
    first, last = days(told, given)
    before = first - (last - first) - timedelta(days=1)
    assert [said[name] for name in ("from", "to", "previous_from", "previous_to")] == [
        str(day) for day in (first, last, before, first - timedelta(days=1))
    ]
    now = added(credits(told, given), lambda row: row["attribution_model"])
    then = added(
        credits(told, given, before, first - timedelta(days=1)), lambda row: row["attribution_model"]
    )
    for one in said["models"]:
        for place, measure in enumerate(("conversions", "value")):
            assert one[measure]["now"] == now[one["model"]][place]
            assert one[measure]["before"] == then[one["model"]][place]
            change = one[measure]["change"]
            assert (change is None) == (then[one["model"]][place] == 0)
            if change is not None:
                expected = (now[one["model"]][place] - then[one["model"]][place]) / then[one["model"]][place]
                assert change == pytest.approx(expected)
    visits = len(sessions(told, given))
    assert said["sessions"]["now"] == visits
    assert said["sessions"]["before"] == len(sessions(told, given, before, first - timedelta(days=1)))
    if visits:
        assert said["conversion_rate"]["now"] == pytest.approx(now["last_click"][0] / visits)
    if said["moved"]:
        channels = {
            row["channel"]
            for row in credits(told, given, before)
            if row["attribution_model"] == said["model"]
        }
        changes = {}
        for channel in channels:
            of_channel = [
                row
                for row in credits(told, given, before)
                if row["channel"] == channel and row["attribution_model"] == said["model"]
            ]
            changes[channel] = sum(
                (row["credited_value"] or Decimal(0)) * (1 if row["conversion_date"] >= first else -1)
                for row in of_channel
            )
        assert said["moved"]["measure"] == "value"
        assert abs(changes[said["moved"]["channel"]]) == max(map(abs, changes.values()))
        assert said["moved"]["now"] - said["moved"]["before"] == changes[said["moved"]["channel"]]


@pytest.mark.parametrize("given", NARROWED)
@pytest.mark.parametrize("grain", ["day", "week", "month"])
@pytest.mark.parametrize("by", ["model", "channel"])
def test_timeseries(api: Api, told: Product, given: Given, grain: str, by: str) -> None:
    def start(day: date) -> date:
        return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[grain]

    rows = ask(api, "/timeseries", {**given, "grain": grain, "by": by})["data"]
    wanted = added(
        credits(told, given),
        lambda row: (
            start(row["conversion_date"]),
            row["attribution_model"],
            row["channel"] if by == "channel" else None,
        ),
    )
    found = {
        (date.fromisoformat(row["date"]), row["model"], row.get("channel")): (
            row["conversions"],
            row["value"],
        )
        for row in rows
    }
    assert len(found) == len(rows)
    assert {key: sums for key, sums in found.items() if sums != (0, 0)} == {
        key: sums for key, sums in wanted.items() if sums != (0, 0)
    }
    first, last = days(told, given)
    starts = {start(first + timedelta(days=number)) for number in range((last - first).days + 1)}
    if by == "model" or found:
        assert {key[0] for key in found} == starts
        assert {key[1] for key in found} == set(models(given))


@pytest.mark.parametrize("given", NARROWED)
@pytest.mark.parametrize("by", ["channel", "source,medium,campaign", "campaign", "medium,channel"])
def test_breakdown(api: Api, told: Product, given: Given, by: str) -> None:
    keys = by.split(",")

    def key(row: Row) -> tuple[str | None, ...]:
        return tuple(row[name] for name in keys)

    path = "/channels" if by == "channel" else "/campaigns"
    rows = ask(api, path, {**given, "persons": "yes", **({} if by == "channel" else {"by": by})})["data"]
    sums = {
        model: added((row for row in credits(told, given) if row["attribution_model"] == model), key)
        for model in models(given)
    }
    visits = defaultdict(list)
    for row in sessions(told, given):
        visits[key(row)].append(row["person_id"])
    assert {key(row) for row in rows} == {*visits, *(name for found in sums.values() for name in found)}
    assert len({key(row) for row in rows}) == len(rows)
    for row in rows:
        assert (row["sessions"], row["persons"]) == (len(visits[key(row)]), len(set(visits[key(row)])))
        for model in models(given):
            assert (row[f"{model}_conversions"], row[f"{model}_value"]) == sums[model][key(row)]
        if {"first_click", "last_click"} <= set(models(given)):
            for measure in ("conversion", "value"):
                column = "conversions" if measure == "conversion" else "value"
                assert row[f"{measure}_shift"] == row[f"last_click_{column}"] - row[f"first_click_{column}"]
        else:
            assert row["value_shift"] is None
    values = [row["last_click_value"] for row in rows]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("given", [one for one in NARROWED if "model" not in one])
@pytest.mark.parametrize("pair", [("first_click", "last_click"), ("linear", "time_decay")])
def test_comparison(api: Api, told: Product, given: Given, pair: tuple[str, str]) -> None:
    rows = ask(api, "/comparison", {**given, "base": pair[0], "against": pair[1], "by": "channel,medium"})[
        "data"
    ]
    sums = [
        added(
            (row for row in credits(told, given) if row["attribution_model"] == model),
            lambda row: (row["channel"], row["medium"]),
        )
        for model in pair
    ]
    touched = {(row["channel"], row["medium"]) for row in credits(told, given)}
    assert {(row["channel"], row["medium"]) for row in rows} == touched
    for row in rows:
        (base, base_value), (against, against_value) = (side[row["channel"], row["medium"]] for side in sums)
        assert (row["base_conversions"], row["against_conversions"]) == (base, against)
        assert (row["conversion_shift"], row["value_shift"]) == (against - base, against_value - base_value)
        if base:
            assert row["conversion_shift_percent"] == pytest.approx(100 * (against - base) / base)
        else:
            assert row["conversion_shift_percent"] is None


@pytest.mark.parametrize("given", NARROWED)
def test_journeys(api: Api, told: Product, given: Given) -> None:
    ways = journeys(told, given)
    by_path: dict[str, list[tuple[Row, list[Row]]]] = defaultdict(list)
    for way in ways:
        by_path[" > ".join(step["channel"] for step in way[1])].append(way)
    paths = ask(api, "/journeys/paths", given)["data"]
    assert [row["path"] for row in paths] == sorted(
        by_path,
        key=lambda path: (
            -len(by_path[path]),
            -sum(row["conversion_value"] or 0 for row, _ in by_path[path]),
            path,
        ),
    )
    for row in paths:
        found = by_path[row["path"]]
        assert row["steps"] == len(found[0][1])
        assert row["conversions"] == len(found)
        assert row["value"] == sum(one["conversion_value"] or 0 for one, _ in found)
        assert float(row["share"]) == pytest.approx(len(found) / len(ways))
        taken = [one["conversion_at"] - min(step["first_touch_at"] for step in steps) for one, steps in found]
        assert float(row["median_days"]) == pytest.approx(median(time / timedelta(days=1) for time in taken))

    lengths: dict[int, int] = defaultdict(int)
    waits: dict[int, int] = defaultdict(int)
    links: dict[tuple[int, str, str], int] = defaultdict(int)
    roles: dict[str, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("assisted", "last", "first", "only"), 0)
    )
    for one, steps in ways:
        lengths[len(steps)] += 1
        waits[(one["conversion_at"] - min(step["first_touch_at"] for step in steps)).days] += 1
        names = [step["channel"] for step in steps]
        for place, (origin, target) in enumerate(zip(names, [*names[1:], "(conversion)"], strict=True)):
            links[place + 1, origin, target] += 1
        last = max(steps, key=lambda step: int(step["last_touch_rank"]))["channel"]
        for channel in set(names):
            roles[channel]["assisted"] += channel != last
            roles[channel]["last"] += channel == last
            roles[channel]["first"] += channel == names[0]
            roles[channel]["only"] += len(names) == 1
    assert [
        (row["steps"], row["conversions"]) for row in ask(api, "/journeys/lengths", given)["data"]
    ] == sorted(lengths.items())
    assert [(row["days"], row["conversions"]) for row in ask(api, "/journeys/days", given)["data"]] == sorted(
        waits.items()
    )
    assert {
        (row["position"], row["origin"], row["target"]): row["conversions"]
        for row in ask(api, "/journeys/links", given)["data"]
    } == links
    for row in ask(api, "/journeys/assists", given)["data"]:
        found_roles = roles.pop(row["channel"])
        assert {name: row[name] for name in found_roles} == found_roles
        expected = found_roles["assisted"] / found_roles["last"] if found_roles["last"] else None
        found_ratio = row["assists_per_last"]
        assert (found_ratio and float(found_ratio)) == (None if expected is None else pytest.approx(expected))
    assert not roles


@pytest.mark.parametrize("given", NARROWED)
def test_conversions_page_by_page(api: Api, told: Product, given: Given) -> None:
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get("/v1/conversions", params={**given, "limit": 7, **cursor})
        rows += json.loads(answer.content, parse_float=Decimal)["data"]
        if "X-Next-Cursor" not in answer.headers:
            break
        cursor = {"cursor": answer.headers["X-Next-Cursor"]}
    ways = {one["conversion_id"]: (one, steps) for one, steps in journeys(told, given)}
    assert [row["conversion_id"] for row in rows] == sorted(
        ways, key=lambda name: (-ways[name][0]["conversion_at"].timestamp(), name)
    )
    for row in rows:
        one, steps = ways[row["conversion_id"]]
        assert row["conversion_at"] == one["conversion_at"].isoformat(timespec="microseconds") + "Z"
        assert row["value"] == one["conversion_value"]
        assert (row["steps"], row["first_channel"]) == (len(steps), steps[0]["channel"])
        assert row["last_channel"] == max(steps, key=lambda step: int(step["last_touch_rank"]))["channel"]
        for model in ("first_click", "last_click"):
            [credited] = [
                credit["channel"]
                for credit in whole(told, "int_attribution_credits")
                if credit["conversion_id"] == row["conversion_id"]
                and credit["attribution_model"] == model
                and credit["credit"]
            ]
            assert row[f"{model}_channel"] == credited
        assert one["person_id"] not in str(row)


@pytest.mark.parametrize("given", NARROWED[:4])
def test_every_page_of_a_breakdown(api: Api, given: Given) -> None:
    all_rows = ask(api, "/campaigns", given)["data"]
    pages: list[dict[str, Any]] = []
    for offset in range(0, len(all_rows), 2):
        answer = api.get(
            "/v1/campaigns", params={**given, "limit": 2, **({"cursor": str(offset)} if offset else {})}
        )
        pages += json.loads(answer.content, parse_float=Decimal)["data"]
        assert answer.headers.get("X-Next-Cursor") == (
            str(offset + 2) if offset + 2 < len(all_rows) else None
        )
    assert pages == all_rows


@pytest.mark.parametrize("column", ["conversion_event", *DIMENSIONS])
@pytest.mark.parametrize("given", NARROWED[:5])
def test_values(api: Api, told: Product, given: Given, column: str) -> None:
    rows = ask(api, f"/values/{column}", given)["data"]
    model = models(given)[0]
    sums = added(
        (row for row in credits(told, given) if row["attribution_model"] == model), lambda row: row[column]
    )
    visited = {row[column] for row in sessions(told, given)} if column != "conversion_event" else set()
    assert {row["value"]: row["conversions"] for row in rows} == {
        **dict.fromkeys(visited, 0),
        **{value: count for value, (count, _) in sums.items()},
    }


def test_the_marts_say_the_same(api: Api, told: Product) -> None:
    rows = {row["channel"]: row for row in ask(api, "/channels", MAY)["data"]}
    among = "between date '2026-05-01' and date '2026-05-10'"
    for mart in told.rows(
        "select channel, sum(first_click_conversions) as first, sum(last_click_value) as last, "
        f"sum(value_shift) as shift from mart_attribution_comparison where conversion_date {among} group by channel"
    ):
        row = rows[mart["channel"]]
        assert (row["first_click_conversions"], row["last_click_value"], row["value_shift"]) == (
            mart["first"], mart["last"], mart["shift"],
        )  # fmt: skip
    for mart in told.rows(
        "select channel, sum(sessions) as sessions, sum(conversions) as conversions from mart_channel_performance "
        f"where date {among} group by channel"
    ):
        row = rows[mart["channel"]]
        assert (row["sessions"], row["last_click_conversions"]) == (mart["sessions"], mart["conversions"])


@pytest.mark.bigquery
def test_the_newest_events(api: Api, told: Product) -> None:
    rows = ask(api, "/events", {"limit": 30})["data"]
    events = sorted(whole(told, "stg_ga4_events"), key=lambda row: (row["event_timestamp"], row["event_id"]))
    newest = sorted(events, key=lambda row: (-row["event_timestamp"].timestamp(), row["event_id"]))[:30]
    assert [row["event_id"] for row in rows] == [row["event_id"] for row in newest]
    touches = sorted(whole(told, "int_touchpoints"), key=lambda row: row["touch_at"])
    for row, event in zip(rows, newest, strict=True):
        before = [
            touch["channel"]
            for touch in touches
            if touch["device_id"] == event["device_id"] and touch["touch_at"] <= event["event_timestamp"]
        ]
        assert row["channel"] == (before[-1] if before else None)
        assert (row["event_name"], row["page"]) == (event["event_name"], event["page_location"])
        assert row["person"] not in str(event["device_id"])


@pytest.mark.parametrize(
    "given",
    [
        {"event_name": "purchase"},
        {"event_name": ["sign_up", "purchase"], "channel": "Email"},
        {"channel": ["Direct", "Paid Search"]},
        {"source": "google", "medium": "cpc", "campaign": "spring"},
        {"campaign": ""},
        {"event_name": "no such"},
    ],
)
def test_the_newest_events_that_are_asked_for(api: Api, told: Product, given: Given) -> None:
    touches = sorted(whole(told, "int_touchpoints"), key=lambda row: row["touch_at"])
    wanted = []
    for event in whole(told, "stg_ga4_events"):
        before = [
            touch
            for touch in touches
            if touch["device_id"] == event["device_id"] and touch["touch_at"] <= event["event_timestamp"]
        ]
        touch = before[-1] if before else dict.fromkeys(DIMENSIONS)
        if fits({**event, **{name: touch[name] for name in DIMENSIONS}}, given, ("event_name", *DIMENSIONS)):
            wanted.append(event)
    wanted.sort(key=lambda row: (-row["event_timestamp"].timestamp(), row["event_id"]))
    rows = ask(api, "/events", {**given, "limit": 30})["data"]
    assert [row["event_id"] for row in rows] == [row["event_id"] for row in wanted[:30]]


def test_touches_of_long_ago_are_found_too(told: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Counted:
        def query(self, sql: str, parameters: Any = ()) -> Any:
            asked.append(sql)
            return told.warehouse.query(sql, parameters)

    def newest(recent: timedelta) -> tuple[list[Row], int]:
        monkeypatch.setattr("headwater.serve.questions.events.RECENT", recent)
        asked.clear()
        rows = events(Counted(), 1, Filters(), 200).to_pylist()  # type: ignore[arg-type]
        return rows, sum("int_touchpoints" in sql for sql in asked)

    all_of_them, once = newest(timedelta(days=10_000))
    few, twice = newest(timedelta(0))
    assert (once, twice) == (1, 2)
    assert few == all_of_them


@pytest.mark.bigquery
def test_one_conversion(api: Api, told: Product) -> None:
    [one, *_] = ask(api, "/conversions", {"limit": 1})["data"]
    said = ask(api, f"/conversions/{one['conversion_id']}", {})
    assert said["conversion"]["conversion_id"] == one["conversion_id"]
    assert said["conversion"]["conversion_at"] == one["conversion_at"]
    for model in MODELS:
        assert sum(row["credit"] for row in said["credits"] if row["attribution_model"] == model) == 1
    answer = api.get("/v1/conversions/no%20such%2Fthing")
    assert answer.status_code == 404
    assert "There is no conversion 'no such/thing'" in answer.json()["error"]["message"]


@pytest.mark.bigquery
def test_what_there_is_to_ask_about(api: Api, told: Product) -> None:
    said = ask(api, "/meta", {})
    assert (said["timezone"], said["reporting_currency"], said["currencies"]) == (
        "UTC",
        None,
        ["EUR", "USD"],
    ) or said["currencies"] == ["USD", "EUR"]
    assert said["models"] == list(MODELS)
    assert set(said["channels"]) == {row["channel"] for row in whole(told, "stg_ga4_sessions")}
    assert (said["first_date"], said["last_date"]) == (
        str(min(row["session_date"] for row in whole(told, "stg_ga4_sessions"))),
        str(days(told, {})[1]),
    )


@pytest.mark.bigquery
def test_health_and_freshness(api: Api, told: Product) -> None:
    said = ask(api, "/health", {})
    assert said["books"] == dict.fromkeys(
        ("accepted", "loaded", "duplicates", "dead_letters", "pending", "lost"), 0
    )
    assert [row["build_id"] for row in said["builds"]] == [1]
    assert [(row["build_id"], row["is_full"]) for row in said["full_builds"]] == [(1, True)]
    assert said["ticks"]["count"] == 0
    assert said["tests"] == {"tested_at": None, "failed": None, "count": None, "failures": []}
    found = {row["name"]: (row["found"], row["of"]) for row in said["quality"]}
    orders = conversions(told, {})
    assert found["without_value"] == (sum(row["conversion_value"] is None for row in orders), len(orders))
    assert found["without_transaction_id"] == (
        sum(row["transaction_id"] is None for row in orders),
        len(orders),
    )
    alone = [steps for _, steps in journeys(told, {}) if [step["channel"] for step in steps] == ["Direct"]]
    assert found["credited_to_direct"] == (len(alone), len(orders))
    assert found["one_event"][1] == len(sessions(told, {}))
    fresh = ask(api, "/freshness", {})
    assert (fresh["state"], fresh["build_id"], fresh["events_per_second"]) == ("fresh", 1, 0)
