"""The truth is checked by a second, slow telling: plain loops over the written events, by the rules."""

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from headwater.errors import SourceError, UsageError
from headwater.sources.synthetic import Generated, generate

TODAY = date(2026, 3, 30)
DAYS = 28
PERSONS = 4_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    result: Generated
    rows: list[Row]  # with the file's day, and params as a plain dict
    truth: list[dict[str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    heard: list[float] = []
    out = tmp_path_factory.mktemp("synthetic")
    result = generate(out, days=DAYS, persons=PERSONS, seed=12, today=TODAY, progress=heard.append)
    assert heard == sorted(heard)
    assert len(heard) == DAYS
    assert heard[-1] == 1
    print(f"{result.events:,} events in {result.seconds:.2f} s")
    rows = []
    for path in result.files:
        for row in pq.read_table(path).to_pylist():
            row["file_day"] = path.stem.removeprefix("events_")
            row["params"] = {
                param["key"]: next((v for v in param["value"].values() if v is not None), None)
                for param in row.pop("event_params")
            }
            rows.append(row)
    return Made(result, rows, _truth(out))


def _truth(out: Path) -> list[dict[str, str]]:
    with (out / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _distinct(rows: list[Row]) -> list[Row]:
    return list({repr(row): row for row in rows}.values())


# --- shape ----------------------------------------------------------------------------------------


def test_files_are_nested_as_the_export_is(made: Made) -> None:
    schema = pq.read_schema(made.result.files[0])
    types = {field.name: str(field.type) for field in schema}
    value = "struct<string_value: string, int_value: int64, float_value: double, double_value: double>"
    assert types["event_params"] == f"list<element: struct<key: string, value: {value}>>"
    assert (
        types["event_date"] == types["stream_id"] == types["user_pseudo_id"] == types["user_id"] == "string"
    )
    assert (
        types["event_timestamp"] == types["batch_page_id"] == types["user_first_touch_timestamp"] == "int64"
    )
    assert types["traffic_source"] == "struct<name: string, medium: string, source: string>"
    assert types["collected_traffic_source"].startswith(
        "struct<manual_campaign_id: string, manual_campaign_name"
    )
    assert types["device"].endswith("web_info: struct<browser: string>>")
    assert types["user_properties"].startswith("list<element: struct<key: string, value: struct<string_value")
    items = dict.fromkeys(field.name for field in schema.field("items").type.value_type)
    assert {"item_id", "item_name", "price", "quantity"} <= set(items)
    collected = {field.name for field in schema.field("collected_traffic_source").type}
    assert {"manual_source", "manual_medium", "gclid", "dclid", "srsltid"} <= collected


def test_one_file_per_day_until_yesterday(made: Made) -> None:
    expected = [f"events_{TODAY - timedelta(n):%Y%m%d}.parquet" for n in range(DAYS, 0, -1)]
    assert [path.name for path in made.result.files] == expected
    assert sorted(path.name for path in made.result.out.iterdir()) == [*expected, "truth.csv"]
    for row in made.rows:
        day = datetime.fromtimestamp(row["event_timestamp"] / 1e6, UTC)
        assert row["event_date"] == f"{day:%Y%m%d}"


def test_counts(made: Made) -> None:
    assert len(made.rows) == made.result.events
    assert 10 <= made.result.events / PERSONS <= 20
    assert len(made.rows) - len(_distinct(made.rows)) == made.result.duplicates > 0
    assert made.result.conversions == len(made.truth)
    assert made.result.revenue == sum(Decimal(row["value"]) for row in made.truth)
    accounts = _accounts(made.rows)
    assert made.result.persons == len({_person(row, accounts) for row in made.rows})
    names = Counter(row["event_name"] for row in made.rows)
    assert (
        names["page_view"]
        > names["view_item"]
        > names["add_to_cart"]
        > names["begin_checkout"]
        > names["purchase"]
    )
    for name in ("session_start", "first_visit", "scroll", "user_engagement", "login", "refund"):
        assert names[name] > 0


def test_same_seed_same_bytes_and_another_seed_another(tmp_path: Path) -> None:
    outs = [tmp_path / name for name in ("one", "two", "three")]
    first, second, third = (
        generate(out, days=5, persons=300, seed=seed, start=date(2026, 1, 1))
        for out, seed in zip(outs, (3, 3, 4), strict=True)
    )
    for one, two in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert (outs[0] / "truth.csv").read_bytes() == (outs[1] / "truth.csv").read_bytes()
    assert first.files[0].name == third.files[0].name == "events_20260101.parquet"
    assert first.files[0].read_bytes() != third.files[0].read_bytes()


@pytest.mark.parametrize(("days", "persons"), [(1, 1), (1, 50), (400, 3)])
def test_the_smallest_and_the_longest(tmp_path: Path, days: int, persons: int) -> None:
    result = generate(tmp_path, days=days, persons=persons, today=TODAY)
    assert sum(pq.read_metadata(path).num_rows for path in result.files) == result.events > 0
    assert len(_truth(tmp_path)) == result.conversions


# --- what it looks like ---------------------------------------------------------------------------


def test_rhythm_of_day_and_week(made: Made) -> None:
    starts = [datetime.fromtimestamp(row["event_timestamp"] / 1e6, UTC) for row in made.rows]
    weekend = sum(start.weekday() >= 5 for start in starts) / len(starts)
    night = sum(2 <= start.hour < 6 for start in starts) / len(starts)
    evening = sum(18 <= start.hour < 22 for start in starts) / len(starts)
    assert 0.19 < weekend < 0.27  # even would be 0.286
    assert night < 0.10  # even would be 0.167
    assert evening > 0.20


def test_persons_come_back_on_several_devices_and_log_in(made: Made) -> None:
    devices = defaultdict(set)
    accounts = defaultdict(set)
    sessions = defaultdict(set)
    for row in made.rows:
        sessions[row["user_pseudo_id"]].add(row["params"]["ga_session_id"])
        if row["user_id"]:
            devices[row["user_id"]].add(row["user_pseudo_id"])
            accounts[row["user_pseudo_id"]].add(row["user_id"])
    assert all(len(ids) == 1 for ids in accounts.values())
    assert sum(len(ids) > 1 for ids in devices.values()) > 20
    assert max(map(len, sessions.values())) > 10
    assert Counter(map(len, sessions.values())).most_common(1)[0][0] == 1


def test_gaps_within_and_between_visits_and_no_two_events_of_a_person_at_once(made: Made) -> None:
    accounts = _accounts(made.rows)
    times = defaultdict(list)
    by_device = defaultdict(list)
    for row in _distinct([row for row in made.rows if row["event_name"] != "refund"]):
        times[_person(row, accounts)].append(row["event_timestamp"])
        by_device[_device(row)].append((row["event_timestamp"], row["params"]["ga_session_id"]))
    assert all(len(set(at)) == len(at) for at in times.values())
    timeout = 30 * 60 * 1_000_000
    for events in by_device.values():
        events.sort()
        for (before, session), (after, next_session) in pairwise(events):
            assert (after - before < timeout) == (session == next_session)


def test_dirt_is_there(made: Made) -> None:
    denied = [row for row in made.rows if row["privacy_info"]["analytics_storage"] == "No"]
    assert denied
    assert all(row["user_pseudo_id"] is row["user_id"] is row["traffic_source"] is None for row in denied)
    late = [row for row in made.rows if row["file_day"] != row["event_date"]]
    assert 0 < len(late) < len(made.rows) / 200
    purchases = [row for row in made.rows if row["event_name"] == "purchase"]
    assert {"", "(not set)"} <= {row["ecommerce"]["transaction_id"] for row in purchases}
    sent = Counter(row["ecommerce"]["transaction_id"] for row in _distinct(purchases))
    assert 2 in {count for order, count in sent.items() if order.isdigit()}
    referrers = Counter(urlsplit(row["params"].get("page_referrer") or "").netloc for row in purchases)
    assert referrers["www.paypal.com"] > 0
    assert referrers["www.rivermill.example"] > 0
    refunds = [row["ecommerce"]["refund_value"] for row in made.rows if row["event_name"] == "refund"]
    assert None in refunds
    assert any(refunds)
    later = [row for row in made.rows if row["batch_ordering_id"] == 2]
    assert later
    assert all(row["collected_traffic_source"] is None for row in later)


# --- the truth, told again ------------------------------------------------------------------------

KNOWN = {
    "google.com": "google", "google.co.uk": "google", "bing.com": "bing", "duckduckgo.com": "duckduckgo",
    "yahoo.com": "yahoo", "chatgpt.com": "chatgpt", "perplexity.ai": "perplexity",
    "gemini.google.com": "gemini", "claude.ai": "claude",
}  # fmt: skip
ASSISTANTS = {"chatgpt", "perplexity", "gemini", "claude"}
CLICKS = {
    "gclid": ("google", "cpc", None),
    "msclkid": ("bing", "cpc", None),
    "srsltid": ("google", "organic", None),
    "fbclid": ("facebook", "referral", None),
}
DIRECT = ("(direct)", "(none)", None)


def _domain(url: str) -> str:
    labels = urlsplit(url).netloc.split(".")
    return ".".join(labels[-3:] if labels[-2:] == ["co", "uk"] else labels[-2:])


def _says(row: Row) -> tuple[str | None, ...] | None:
    params, collected = row["params"], row["collected_traffic_source"] or {}
    page, referrer = params.get("page_location") or "", params.get("page_referrer") or ""
    query = {key: values[0] for key, values in parse_qs(urlsplit(page).query).items()}
    readable = query if row["batch_ordering_id"] in (None, 1) else {}
    for block in (
        (
            collected.get("manual_source"),
            collected.get("manual_medium"),
            collected.get("manual_campaign_name"),
        ),
        (params.get("source"), params.get("medium"), params.get("campaign")),
        (readable.get("utm_source"), readable.get("utm_medium"), readable.get("utm_campaign")),
    ):
        if any(block):
            source, medium, campaign = block
            if source.lower() != "rivermill.example":
                return source.lower(), medium.lower(), campaign
            break
    for name, answer in CLICKS.items():
        if collected.get(name) or readable.get(name):
            return answer
    if not referrer or any(key.startswith("utm_") or key in CLICKS for key in query):
        return None
    host, domain = urlsplit(referrer).netloc.removeprefix("www."), _domain(referrer)
    if domain in (_domain(page), "paypal.com") or host == "checkout.stripe.com":
        return None
    name = KNOWN.get(host) or KNOWN.get(domain)
    if name in ASSISTANTS:
        return name, "ai-assistant", None
    return (name, "organic", None) if name else (domain, "referral", None)


def _device(row: Row) -> str:
    return row["user_pseudo_id"] or f"session:{row['params']['ga_session_id']}"


def _accounts(rows: list[Row]) -> dict[str, str]:
    return {_device(row): row["user_id"] for row in rows if row["user_id"]}


def _person(row: Row, accounts: dict[str, str]) -> str:
    return accounts.get(_device(row), _device(row))


def _retold(rows: list[Row]) -> dict[int, dict[str, str]]:
    """The truth by conversion time, by walking each person's events in order."""
    accounts = _accounts(rows)
    rows = sorted(rows, key=lambda row: row["event_timestamp"])
    of_person = defaultdict(list)
    refunds: dict[str, Decimal | None] = {}
    counted = set()
    for row in rows:
        of_person[_person(row, accounts)].append(row)
        if row["event_name"] == "refund":
            worth = row["ecommerce"]["refund_value"]
            refunds[row["ecommerce"]["transaction_id"]] = None if worth is None else Decimal(str(worth))
    told = {}
    for events in of_person.values():
        touches = _touches(events)
        for row in events:
            order = row["ecommerce"] and row["ecommerce"]["transaction_id"].replace("(not set)", "")
            if row["event_name"] != "purchase" or (order and order in counted):
                continue
            counted.add(order)
            value = Decimal(str(row["ecommerce"]["purchase_revenue"]))
            if order in refunds:
                worth = refunds[order]
                value = Decimal(0) if worth is None else max(value - worth, Decimal(0))
            at = row["event_timestamp"]
            assert at not in told
            told[at] = {"transaction_id": order, "value": f"{value:.2f}"} | _clicks(touches, at)
    return told


def _touches(events: list[Row]) -> list[tuple[int, tuple[str | None, ...]]]:
    sessions: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in events:
        sessions[_device(row), row["params"]["ga_session_id"]].append(row)
    touches = []
    for number, session in enumerate(sessions.values()):
        opened = []
        for row in session:
            says = _says(row)
            if says and (not opened or opened[-1][1] != says):
                opened.append((row["event_timestamp"], says))
        if not opened:
            first = (session[0]["traffic_source"] or {}) if number == 0 else {}
            won = (first.get("source"), first.get("medium"), first.get("name"))
            label = won if number == 0 and won[0] not in (None, "(direct)") else DIRECT
            opened = [(session[0]["event_timestamp"], label)]
        touches += opened
    return sorted(touches, key=lambda touch: touch[0])


def _clicks(touches: list[tuple[int, tuple[str | None, ...]]], at: int) -> dict[str, str]:
    lookback = 14 * 86_400 * 1_000_000
    journey = [touch for touch in touches if at - lookback <= touch[0] <= at] or [(at, DIRECT)]
    speaking = [touch for touch in journey if touch[1] != DIRECT] or journey
    row = {}
    for model, (time, (source, medium, campaign)) in (
        ("first_click", journey[0]),
        ("last_click", speaking[-1]),
    ):
        row[f"{model}_touch_at"] = _iso(time)
        row |= {
            f"{model}_source": source or "",
            f"{model}_medium": medium or "",
            f"{model}_campaign": campaign or "",
        }
    return row


def _iso(micros: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"


def _micros(iso: str) -> int:
    return (datetime.fromisoformat(iso) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_truth_is_what_the_events_tell(made: Made) -> None:
    told = _retold(_distinct(made.rows))
    expected = [{"conversion_at": _iso(at)} | row for at, row in sorted(told.items())]
    assert len(made.truth) > 100
    for got, want in zip(made.truth, expected, strict=True):
        assert got == want


def test_truth_meets_the_cases_that_are_easy_to_get_wrong(made: Made) -> None:
    first = Counter((row["first_click_source"], row["first_click_campaign"]) for row in made.truth)
    assert first["(direct)", ""] > 0
    assert any(campaign in ("(organic)", "brand_search") for _, campaign in first), (
        "an acquisition from before"
    )
    moved = [row for row in made.truth if row["first_click_touch_at"] != row["last_click_touch_at"]]
    assert len(moved) > len(made.truth) / 10
    devices = {row["event_timestamp"]: _device(row) for row in made.rows}
    across = 0
    for row in made.truth:
        bought, touched = (devices[_micros(row[name])] for name in ("conversion_at", "first_click_touch_at"))
        across += bought != touched
    assert across > 0, "a click on one device, the purchase on another"
    assert any(row["transaction_id"] == "" for row in made.truth)
    assert any(row["value"] == "0.00" for row in made.truth)


# --- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("days", 0), ("persons", 0), ("seed", -1)])
def test_numbers_that_make_no_sense(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(UsageError, match=f"{name} is {value}: give a whole number of at least"):
        generate(tmp_path, **{name: value})


def test_other_days_in_the_folder_are_refused(tmp_path: Path) -> None:
    generate(tmp_path, days=1, persons=1, start=date(2026, 1, 1))
    kept = (tmp_path / "truth.csv").read_bytes()
    with pytest.raises(UsageError, match=r"events_20260101.parquet.*choose another folder"):
        generate(tmp_path, days=1, persons=1, start=date(2026, 1, 2))
    assert (tmp_path / "truth.csv").read_bytes() == kept
    generate(tmp_path, days=1, persons=1, start=date(2026, 1, 1))


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(SourceError, match=r"Cannot write events to .*choose another --out"):
        generate(tmp_path / "out", days=1, persons=1)
