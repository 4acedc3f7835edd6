"""Every golden case, through files, warehouse and models."""

import csv
import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from product import Product

GOLDEN = Path(__file__).parent.parent / "golden"
SHARED = Path(__file__).parent.parent.parent.parent / "shared" / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/case.json"))
CREDITS = """
    select conversion_id, attribution_model, touch_at, channel, source, medium, campaign, credit, credited_value
    from int_attribution_credits
"""


def settings_of(case: Path) -> dict[str, Any]:
    return dict(json.loads((case / "case.json").read_text(encoding="utf-8"))["settings"])


def events_of(case: Path) -> list[dict[str, Any]]:
    lines = (case / "events.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def expected_of(case: Path) -> list[dict[str, str]]:
    with (case / "expect.csv").open(newline="", encoding="utf-8") as file:
        return sorted(csv.DictReader(file), key=order)


def order(credit: dict[str, str]) -> tuple[str, ...]:
    return credit["conversion_id"], credit["attribution_model"], credit["touch_at"], credit["channel"]


def as_expected(credit: dict[str, Any]) -> dict[str, str]:
    def six_digits(number: Decimal | None) -> str:
        return "" if number is None else str(number.quantize(Decimal("0.000001"), ROUND_HALF_UP))

    return {
        **{
            name: credit[name] or ""
            for name in credit
            if name not in ("touch_at", "credit", "credited_value")
        },
        "touch_at": credit["touch_at"].isoformat(timespec="microseconds"),
        "credit": six_digits(credit["credit"]),
        "credited_value": six_digits(credit["credited_value"]),
    }


# A build takes a second and a half, whatever its size: cases with equal settings share one, each with ids of its own.


def stands_alone(case: Path) -> bool:
    """Exports, streams and nameless devices of two cases would meet."""
    return any(
        "source_kind" in event
        or "stream_id" in event
        or "event_id" not in event
        or not event.get("user_pseudo_id")
        for event in events_of(case)
    )


def groups() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for case in CASES:
        key = case.name if stands_alone(case) else "settings " + json.dumps(settings_of(case), sort_keys=True)
        found.setdefault(key, []).append(case)
    return {
        (cases[0].name if len(cases) == 1 else f"{cases[0].name}_and_{len(cases) - 1}_more"): cases
        for cases in found.values()
    }


GROUPS = groups()


def of_its_own(event: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The event with ids that no other case has; '' and (not set) stay what they are."""
    named = ("event_id", "user_pseudo_id", "user_id", "transaction_id")
    return event | {
        name: prefix + event[name] for name in named if event.get(name) not in (None, "", "(not set)")
    }


# A build on BigQuery's stand-in takes many seconds: the largest group is in bigquery/test_project.py, these go through
# other SQL than it does, and the rest differ from one of them in a number or a list.
ON_BIGQUERY = (
    "daily_export_replaces_intraday",
    "export_replaces_the_streamed_day",
    "friday_rate_on_sunday",
    "identity_by_device",
    "midnight_in_new_york_in_summer",
    "no_rate_no_value",
    "own_channel_rule_has_its_days",
    "stream_is_part_of_the_id",
    "streamed_day_stays_when_told_so",
)


def test_the_groups_for_bigquery_are_there() -> None:
    assert set(ON_BIGQUERY) <= GROUPS.keys()


@pytest.mark.parametrize(
    "group",
    [pytest.param(group, marks=[pytest.mark.bigquery] if group in ON_BIGQUERY else []) for group in GROUPS],
)
def test_golden_cases(group: str, new_product: Callable[..., Product]) -> None:
    cases = GROUPS[group]
    alone = len(cases) == 1
    product = new_product(settings_of(cases[0]))
    for case in cases:
        prefix = "" if alone else f"{case.name}~"
        product.load([of_its_own(event, prefix) for event in events_of(case)])
    product.build(test=not alone)  # the models' own tests take as long again: the large groups are enough
    found = [as_expected(credit) for credit in product.rows(CREDITS)]
    for case in cases:
        prefix = "" if alone else f"{case.name}~"
        own = [
            credit | {"conversion_id": credit["conversion_id"].removeprefix(prefix)}
            for credit in found
            if credit["conversion_id"].startswith(prefix)
        ]
        assert sorted(own, key=order) == expected_of(case), case.name


def test_shared_cases_are_among_them() -> None:
    if not SHARED.is_dir():
        pytest.skip("NO SHARED GOLDEN CASES beside this checkout: only the project's own were run")
    for case in SHARED.iterdir():
        for file in ("events.ndjson", "expect.csv"):
            assert (GOLDEN / case.name / file).read_bytes() == (case / file).read_bytes(), case.name
