"""The journey as a line from the first touch known down to the conversion."""

from collections.abc import Iterator

from headwater.explain.facts import Explanation, Touch
from headwater.explain.words import (
    Line,
    counted,
    exact,
    folded,
    listed,
    moment,
    origin,
    padded,
    span,
    visible,
)

MOST_TOUCHES = 30
MARGIN = 8  # where the marks of the line end
WHEN, BEFORE = 27, 20  # columns


def journey(facts: Explanation, zone: str, width: int) -> Iterator[Line]:
    """Each touch with its time, its origin, why that is its channel, and what became of it."""
    yield Line("The journey, from the first touch known to the conversion", "heading")
    yield Line()
    number, too_old = 0, False
    for touch in _shown(facts.touches):
        missed = touch.touch_number - number - 1
        if missed:
            more = counted(missed, "more touch", "more touches")
            yield from _marked("⋮", f"… {more} (--format json lists them)", width)
            yield _between()
        if too_old and touch.fate != "before lookback":
            yield _lookback(facts, zone)
            yield _between()
        yield from _touch(touch, facts, zone, width)
        yield _between()
        number, too_old = touch.touch_number, touch.fate == "before lookback"
    if too_old:
        yield _lookback(facts, zone)
        yield _between()
    if not any(step.touch_count for step in facts.steps):
        nothing = "No touch lies within the lookback, so the conversion counts as Direct."
        yield from _marked("step 1", nothing, width)
        yield _between()
    yield from _conversion(facts, zone, width)
    if facts.later_touches:
        yield Line()
        yield Line(f"{counted(facts.later_touches, 'later touch', 'later touches')} not shown.")


def _shown(touches: list[Touch]) -> list[Touch]:
    """The newest ones, and of those before them the first of all and the one that opens the journey."""
    if len(touches) <= MOST_TOUCHES:
        return touches
    older, newest = touches[: -(MOST_TOUCHES - 2)], touches[-(MOST_TOUCHES - 2) :]
    opening = [touch for touch in older[1:] if touch.fate == "opens step" and touch.step_number == 1]
    return [older[0], *opening, *newest]


def _touch(touch: Touch, facts: Explanation, zone: str, width: int) -> Iterator[Line]:
    before = facts.conversion.conversion_at - touch.touch_at
    when = f"{span(before)} before" if before else "at the same moment"
    mark = (
        f"step {touch.step_number}"
        if touch.fate == "opens step"
        else "+"
        if touch.fate == "joins step"
        else "·"
    )
    first = f"{padded(moment(touch.touch_at, zone), WHEN)}  {padded(when, BEFORE)}  on {touch.device}"
    yield Line(_margin(mark) + first)
    yield from _under(
        f"{visible(touch.channel)}: {origin(touch.source, touch.medium, touch.campaign)}", width
    )
    yield from _under(_why(touch), width, quiet=True)
    for sentence in _fate(touch, facts):
        yield from _under(sentence, width)


def _why(touch: Touch) -> str:
    """How the origin was known, and what the rule that gave the channel says."""
    known = {
        "tag": "tagged",
        "click id": touch.click_id or "click id",
        "referrer": f"referrer {touch.referrer_host or touch.source}",
        "first user": "GA4's first acquisition",
        "nothing": "nothing said",
    }[touch.said_by]
    again = "" if touch.opens_session else ", later in the same session"
    return visible(f"{known}{again}; {touch.channel_rule_reads} ({touch.channel_rule})")


def _fate(touch: Touch, facts: Explanation) -> Iterator[str]:
    steps = {step.step_number: step for step in facts.steps}
    if touch.is_conversion:
        yield "the conversion itself opens this touch"
    if touch.fate == "joins step":
        yield f"collapsed into step {touch.step_number}: same channel, same day"
    elif touch.fate == "before lookback":
        days = counted((facts.conversion.conversion_at - facts.lookback_from).days, "day")
        yield f"left out: {span(facts.lookback_from - touch.touch_at)} before the lookback of {days}"
    elif touch.fate == "no step":
        yield "left out by the last build, which had other settings"
    elif touch.step_number and steps[touch.step_number].ignored_by:
        yield f"ignored by {listed(steps[touch.step_number].ignored_by)}: direct"


def _lookback(facts: Explanation, zone: str) -> Line:
    days = counted((facts.conversion.conversion_at - facts.lookback_from).days, "day")
    when = padded(moment(facts.lookback_from, zone), WHEN)
    return Line(f"{'─' * (MARGIN - 1)}┼  {when}  the lookback of {days} begins", "quiet")


def _conversion(facts: Explanation, zone: str, width: int) -> Iterator[Line]:
    conversion = facts.conversion
    value = conversion.conversion_value
    worth = "" if value is None else f": {exact(value)} {conversion.currency or ''}".rstrip()
    yield Line(
        _margin("◆")
        + f"{padded(moment(conversion.conversion_at, zone), WHEN)}  {' ' * BEFORE}  on {conversion.device}"
    )
    for text in folded(visible(f"{conversion.conversion_event}{worth}"), width - MARGIN - 2):
        yield Line(" " * (MARGIN + 2) + text)


def _margin(mark: str) -> str:
    return f"{mark:>{MARGIN}}  "


def _between() -> Line:
    return Line(_margin("│").rstrip(), "quiet")


def _under(text: str, width: int, *, quiet: bool = False) -> Iterator[Line]:
    for part in folded(text, width - MARGIN - 2):
        yield Line(_margin("│") + part, "quiet" if quiet else "plain")


def _marked(mark: str, text: str, width: int) -> Iterator[Line]:
    for place, part in enumerate(folded(text, width - MARGIN - 2)):
        yield Line(_margin("│" if place else mark) + part)
