"""A journey on a line of time: first as a strip to scale, then touch by touch with what became of each."""

from datetime import datetime, timedelta
from typing import Any

from headwater.dashboard import figures
from headwater.dashboard.markup import Markup, div, span, tag
from headwater.dashboard.palette import of_channel

_FATES = {
    "joins step": "counts with step {}: same channel, same day",
    "before lookback": "left out: before the lookback",
    "no step": "left out: it opens no visit of its own",
}
_SAID_BY = {
    "tag": "known by the tags in its address",
    "first user": "known by what first brought this visitor",
    "referrer": "known by the referrer",
    "click id": "known by its click id",
}


def strip(told: dict[str, Any], zone: str) -> Markup:
    goal = figures.instant(told["conversion"]["conversion_at"])
    edge = figures.instant(told["lookback_from"])
    touches = told["touches"]
    start = min([edge, *(figures.instant(touch["touch_at"]) for touch in touches)]) - timedelta(hours=6)
    whole = max((goal - start).total_seconds(), 1.0)

    def left(at: datetime) -> float:
        return max((at - start).total_seconds(), 0) / whole * 100

    marks = []
    for touch in touches:
        step = touch["step_number"]
        is_in = step is not None and touch["fate"] == "opens step"
        tip = f"{touch['channel']}\n{figures.moment(touch['touch_at'], zone)}"
        place = f"left:{left(figures.instant(touch['touch_at'])):.2f}%;--c:{of_channel(touch['channel'])}"
        marks.append(
            tag("b", step if is_in else "", class_=None if is_in else "out", style=place, data_tip=tip)
        )
    return div(
        "strip",
        div("axis"),
        div("edge", tag("span", "lookback begins"), style=f"left:{left(edge):.2f}%"),
        *marks,
        tag(
            "b",
            class_="end",
            style="left:100%",
            data_tip=f"Conversion\n{figures.moment(goal.isoformat(), zone)}",
        ),
        span("tick", figures.moment(start.isoformat(), zone), style="left:0"),
        span("tick", "conversion", style="right:0"),
    )


def road(told: dict[str, Any], zone: str) -> Markup:
    goal = told["conversion"]
    at = figures.instant(goal["conversion_at"])
    stops = [_stop(touch, at, zone) for touch in told["touches"]]
    value = figures.money(goal["conversion_value"], goal["currency"])
    last = _place(
        "stop goal",
        _when(goal["conversion_at"], None, zone),
        "var(--ink)",
        "◆",
        div("t", f"{goal['conversion_event']}: {value}"),
    )
    later = told["later_touches"]
    more = div("soft", f"{later:,} later touch{'' if later == 1 else 'es'} not shown.") if later else ""
    return div("road", *stops, last, more)


def _stop(touch: dict[str, Any], goal: datetime, zone: str) -> Markup:
    is_step = touch["fate"] == "opens step"
    before = (goal - figures.instant(touch["touch_at"])).total_seconds() / 86_400
    came = " / ".join(part for part in (touch["source"], touch["medium"], touch["campaign"]) if part)
    fate = _FATES.get(touch["fate"], "").format(touch["step_number"])
    why = _why(touch)
    return _place(
        "stop" if is_step else "stop out",
        _when(touch["touch_at"], before, zone),
        of_channel(touch["channel"]),
        str(touch["step_number"]) if is_step else "",
        div("t", touch["channel"]),
        div("", came),
        div("soft", why) if why else "",
        span("tagged", fate) if fate else "",
    )


def _why(touch: dict[str, Any]) -> str:
    known = _SAID_BY.get(touch["said_by"], "")
    detail = touch["click_id"] or touch["referrer_host"] or ""
    said = " ".join(part for part in (known, f"({detail})" if known and detail else "") if part)
    return "; ".join(part for part in (said, touch["channel_rule_reads"]) if part)


def _place(class_: str, when: Markup, colour: str, number: str, *what: Markup | str) -> Markup:
    spine = div("spine", tag("b", number), style=f"--c:{colour}")
    return div(class_, when, spine, div("what", *what))


def _when(at: str, before: float | None, zone: str) -> Markup:
    ago = f"{figures.days(before)} before" if before is not None else ""
    return div("when", tag("b", figures.moment(at, zone)), ago)
