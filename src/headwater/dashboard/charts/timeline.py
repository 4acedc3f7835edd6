"""A journey on a line of time: first as a strip to scale, then touch by touch with what became of each."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from headwater.dashboard import figures
from headwater.dashboard.markup import Markup, div, span, tag
from headwater.dashboard.palette import of_channel

_SHORT = 1 / 8  # of the lookback
_ROOM = 24  # pixels that each mark has at least

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
    """To scale from left to right, as far as marks stay apart; where all happened soon before the conversion, without
    the empty days of the lookback before it."""
    goal = figures.instant(told["conversion"]["conversion_at"])
    edge = figures.instant(told["lookback_from"])
    touches = sorted(told["touches"], key=lambda touch: figures.instant(touch["touch_at"]))
    first = figures.instant(touches[0]["touch_at"]) if touches else edge
    is_short = edge <= first and (goal - first) < (goal - edge) * _SHORT
    marks = [(figures.instant(touch["touch_at"]), _mark(touch, zone)) for touch in touches]
    if not is_short:
        marks.append((edge, div("edge", tag("span", "lookback begins"))))
        marks.sort(key=lambda one: one[0])
    tip = f"Conversion\n{figures.moment(goal.isoformat(), zone, to_the_second=True)}"
    marks.append((goal, tag("b", class_="end", data_tip=tip)))
    row = [marks[0][1]]
    whole = max((goal - marks[0][0]).total_seconds(), 0.001)
    for (before, _), (at, mark) in pairwise(marks):
        share = max((at - before).total_seconds(), 0) / whole
        row += [div("gap", style=f"flex-grow:{share * 1000:.1f}"), mark]
    start = figures.moment(marks[0][0].isoformat(), zone, to_the_second=is_short)
    took = (
        f"{figures.lapse((goal - first).total_seconds())} from the first touch to the conversion"
        if touches
        else ""
    )
    ticks = div("ticks", tag("span", start), span("took", took), tag("span", "conversion"))
    drawn = div("strip", div("marks", *row), ticks, style=f"min-width:{len(marks) * _ROOM}px")
    return div("wide", drawn, tabindex="0", role="group")


def _mark(touch: dict[str, Any], zone: str) -> Markup:
    """A number where a step begins; a ring, lower, for what joins one or is left out."""
    step = touch["step_number"]
    is_step = step is not None and touch["fate"] == "opens step"
    tip = f"{touch['channel']}\n{figures.moment(touch['touch_at'], zone, to_the_second=True)}"
    return tag(
        "b",
        step if is_step else "",
        class_=None if is_step else "out",
        style=f"--c:{of_channel(touch['channel'])}",
        data_tip=tip,
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
    more = div("soft", f"{figures.plural(later, 'later touch', 'later touches')} not shown.") if later else ""
    return div("road", *stops, last, more)


def _stop(touch: dict[str, Any], goal: datetime, zone: str) -> Markup:
    is_step = touch["fate"] == "opens step"
    before = (goal - figures.instant(touch["touch_at"])).total_seconds()
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
    """`before`: seconds before the conversion. Below an hour, and of the conversion, seconds tell one from the next."""
    ago = f"{figures.lapse(before)} before" if before is not None else ""
    return div("when", tag("b", figures.moment(at, zone, to_the_second=before is None or before < 3600)), ago)
