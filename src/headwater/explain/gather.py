"""Reads the published tables into the facts of one conversion."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from headwater.channels import rules
from headwater.domains import host_of
from headwater.explain.ask import Ask, Row
from headwater.explain.facts import (
    Conversion,
    Credit,
    Device,
    Explanation,
    Fate,
    Freshness,
    Login,
    Setting,
    Step,
    Touch,
)
from headwater.explain.find import find
from headwater.explain.worth import worth_of
from headwater.settings import Settings, flat
from headwater.transform.project import fingerprint, variables
from headwater.warehouse.protocol import Reader

DECIDING = (
    "attribution.lookback_days",
    "attribution.collapse_same_channel_day",
    "attribution.identity",
    "attribution.channel_group",
    "attribution.ignore_direct",
    "attribution.half_life_days",
    "timezone",
    "reporting_currency",
)

# In the order in which the models ask them: docs/attribution.md.
CLICK_IDS = ("gclid", "dclid", "gbraid", "wbraid", "msclkid", "ttclid", "srsltid", "fbclid")


def explain(wanted: str, warehouse: Reader, settings: Settings) -> Explanation:
    """All that is known of the conversion that `wanted` names: see `find` for what it may be."""
    conversion_id, repeat = find(warehouse, wanted)
    ask = Ask()
    [row] = ask.rows(warehouse, f"select * from int_conversions where conversion_id = {ask(conversion_id)}")
    person = row["person_id"]
    devices = _devices(warehouse, person)
    labels = {device.device_id: device.device for device in devices}
    lookback_from = row["conversion_at"] - timedelta(days=settings.attribution.lookback_days)
    credits = _credits(warehouse, conversion_id, settings)
    steps = _steps(warehouse, conversion_id, credits, settings)
    ask = Ask()
    [later] = ask.rows(
        warehouse,
        f"""select count(*) as touches from int_touchpoints
        where person_id = {ask(person)} and touch_at > {ask(row["conversion_at"])}""",
    )
    return Explanation(
        conversion=Conversion(
            **{name: row[name] for name in Conversion.__dataclass_fields__ if name != "device"},
            device=labels[row["device_id"]],
        ),
        repeat_asked_for=repeat,
        worth=worth_of(warehouse, row, settings.reporting_currency),
        lookback_from=lookback_from,
        touches=_touches(warehouse, row, labels, steps, lookback_from, settings),
        later_touches=later["touches"],
        steps=steps,
        credits=credits,
        devices=devices,
        settings=[Setting(key, flat(settings)[key], settings.origins[key]) for key in DECIDING],
        freshness=_freshness(warehouse, settings),
    )


def _credits(warehouse: Reader, conversion_id: str, settings: Settings) -> list[Credit]:
    columns = tuple(Credit.__dataclass_fields__)
    ask = Ask()
    found = ask.rows(
        warehouse,
        f"""select {", ".join(columns)} from int_attribution_credits
        where conversion_id = {ask(conversion_id)} order by step_number""",
    )
    order = {model: place for place, model in enumerate(settings.attribution.models)}
    found.sort(key=lambda row: order.get(row["attribution_model"], len(order)))
    return [Credit(**row) for row in found]


def _steps(
    warehouse: Reader, conversion_id: str, credits: Sequence[Credit], settings: Settings
) -> list[Step]:
    columns = tuple(name for name in Step.__dataclass_fields__ if name != "ignored_by")
    ask = Ask()
    found = ask.rows(
        warehouse,
        f"""select {", ".join(columns)} from int_user_journeys
        where conversion_id = {ask(conversion_id)} order by step_number""",
    )
    has_other_than_direct = any(row["channel"] != "Direct" for row in found)
    ignoring = [
        model
        for model in dict.fromkeys(credit.attribution_model for credit in credits)
        if model in settings.attribution.ignore_direct and has_other_than_direct
    ]
    return [Step(**row, ignored_by=ignoring if row["channel"] == "Direct" else []) for row in found]


def _devices(warehouse: Reader, person: str) -> list[Device]:
    """In the order in which the person used them first, labelled A, B, …"""
    ask = Ask()
    seen = ask.rows(
        warehouse,
        f"""select device_id, min(session_start) as first_seen_at, max(session_end) as last_seen_at,
            count(*) as sessions
        from stg_ga4_sessions where person_id = {ask(person)} group by device_id order by 2, 1""",
    )
    logins: defaultdict[str, list[Login]] = defaultdict(list)
    ask = Ask()
    for row in ask.rows(
        warehouse,
        f"""select device_id, user_id, min(event_timestamp) as first_at, max(event_timestamp) as last_at
        from stg_ga4_events where user_id is not null and {ask.among("device_id", [row["device_id"] for row in seen])}
        group by device_id, user_id order by last_at, user_id""",
    ):
        logins[row.pop("device_id")].append(Login(**row))
    return [
        Device(device=_label(place), **row, logins=logins[row["device_id"]]) for place, row in enumerate(seen)
    ]


def _label(place: int) -> str:
    """A … Z, AA, AB, … as a spreadsheet names its columns."""
    before, letter = divmod(place, 26)
    return (_label(before - 1) if before else "") + chr(ord("A") + letter)


def _touches(
    warehouse: Reader,
    conversion: Row,
    labels: Mapping[str, str],
    steps: Sequence[Step],
    lookback_from: datetime,
    settings: Settings,
) -> list[Touch]:
    """The person's touches up to the conversion, the oldest first."""
    ask = Ask()
    found = ask.rows(
        warehouse,
        f"""
        select
            touches.touch_number, touches.touchpoint_id, touches.touch_at, touches.device_id, touches.channel,
            touches.source, touches.medium, touches.campaign, touches.said_by, touches.opens_session,
            touches.channel_rule, events.page_referrer, {", ".join(f"events.{name}" for name in CLICK_IDS)}
        from int_touchpoints as touches
        left join (
            select * from stg_ga4_events
            where {ask.among("device_id", list(labels))}
        ) as events on events.event_key = touches.touchpoint_id
        where touches.person_id = {ask(conversion["person_id"])}
            and touches.touch_at <= {ask(conversion["conversion_at"])}
        order by touches.touch_number
        """,
    )
    reads = {rule.rule: rule.reads for rule in rules(settings.channel_rules)}
    return [_touch(row, conversion, labels, steps, lookback_from, reads) for row in found]


def _touch(
    row: Row,
    conversion: Row,
    labels: Mapping[str, str],
    steps: Sequence[Step],
    lookback_from: datetime,
    reads: Mapping[str, str],
) -> Touch:
    fate, step = _fate(row, steps, lookback_from)
    shared = {name: row[name] for name in Touch.__dataclass_fields__ if name in row}
    click_ids = [name for name in CLICK_IDS if row[name] is not None]
    return Touch(
        **shared,
        device=labels[row["device_id"]],
        click_id=click_ids[0] if row["said_by"] == "click id" and click_ids else None,
        referrer_host=host_of(row["page_referrer"]) if row["said_by"] == "referrer" else None,
        channel_rule_reads=reads.get(row["channel_rule"], ""),
        fate=fate,
        step_number=step,
        is_conversion=row["touchpoint_id"] == conversion["conversion_id"],
    )


def _fate(row: Row, steps: Sequence[Step], lookback_from: datetime) -> tuple[Fate, int | None]:
    """Steps of one channel never overlap in time, so a touch between a step's ends is the step's."""
    for step in steps:
        if step.touch_count and row["touchpoint_id"] == step.touchpoint_id:
            return "opens step", step.step_number
    for step in steps:
        is_within = step.first_touch_at <= row["touch_at"] <= step.last_touch_at
        if step.touch_count > 1 and step.channel == row["channel"] and is_within:
            return "joins step", step.step_number
    return ("before lookback" if row["touch_at"] < lookback_from else "no step"), None


def _freshness(warehouse: Reader, settings: Settings) -> Freshness:
    ask = Ask()
    [last] = ask.rows(
        warehouse,
        "select to_batch, fingerprint from headwater_builds order by build_id desc limit 1",
    )
    ask = Ask()
    [newer] = ask.rows(
        warehouse,
        f"select count(*) as batches from headwater_batches where batch_id > {int(last['to_batch'])}",
    )
    wanted = fingerprint(variables(settings, warehouse.schema), warehouse)
    return Freshness(newer["batches"], wanted != last["fingerprint"])
