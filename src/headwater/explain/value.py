"""The value as the sum that it is: sent, converted, refunded; and the repeats that do not count."""

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from headwater.explain.facts import Conversion, Explanation, Worth
from headwater.explain.words import Line, counted, exact, helped, listed, local_day, paragraph, plain, visible

TIMES = {2: "twice"}


def value(
    facts: Explanation, zone: str, reporting: str, command: Callable[..., str], width: int
) -> Iterator[Line]:
    """Nothing where there is nothing to tell: one event, one currency, no refund."""
    worth, conversion = facts.worth, facts.conversion
    if conversion.conversion_value is None:
        what = f"No value in {reporting}: no rate for {_without_rate(worth)} in the week up to "
        yield from helped(f"{what}{conversion.conversion_date}", command("rates", "FILE.csv"), width)
    elif worth.refunds or worth.rate_date:
        yield from paragraph(visible(_sum(worth, conversion, conversion.conversion_value, zone)), width)
    if worth.repeats:
        times = len(worth.repeats) + 1
        asked = f" {facts.repeat_asked_for} is a repeat of it." if facts.repeat_asked_for else ""
        sent = f"The order was sent {TIMES.get(times, f'{times} times')}; the first one counts.{asked}"
        yield from paragraph(visible(sent), width)


def _without_rate(worth: Worth) -> str:
    currencies = [worth.sent_currency] if worth.rate is None else []
    currencies += [refund.currency for refund in worth.refunds if refund.rate is None]
    return visible(currencies[0] or "") if currencies else "its currency"


def _sum(worth: Worth, conversion: Conversion, value: Decimal, zone: str) -> str:
    """A refund is converted at the rate of its conversion, so that a full one leaves nothing."""
    own = _converted(worth.sent_value, worth.rate)
    sent, total = exact(worth.sent_value), f"{exact(value)} {conversion.currency or ''}".rstrip()
    if worth.rate_date and worth.rate:
        sent += f" {worth.sent_currency} at {plain(worth.rate)} (the rate of {worth.rate_date})"
    if worth.rate_date and worth.refunds:
        sent += f" = {exact(own)},"
    days = listed(list(dict.fromkeys(local_day(refund.refunded_at, zone) for refund in worth.refunds)))
    if any(refund.value == 0 for refund in worth.refunds):
        return f"{sent.rstrip(',')}, all of it taken back by a refund without a value ({days}) = {total}."
    refunded = sum((_converted(refund.value, refund.rate) for refund in worth.refunds), Decimal(0))
    if (max(own - refunded, Decimal(0)) if worth.refunds else own) != value:
        return f"{total} by the exchange rates of the last build; they have changed since."
    if not worth.refunds:
        return f"{sent} = {total}."
    count = counted(len(worth.refunds), "refund")
    floor = ", never below 0," if refunded > own else ""
    return f"{sent} less {exact(refunded)} refunded ({count}, {days}){floor} = {total}."


def _converted(amount: Decimal, rate: Decimal | None) -> Decimal:
    """As the models round it."""
    return (amount * (rate or 0)).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
