"""How the value of a conversion came about: what was sent, at which rate, refunds, repeats."""

from datetime import date, timedelta
from decimal import Decimal

from headwater.explain.ask import Ask, Row
from headwater.explain.facts import Refund, Repeat, Worth
from headwater.warehouse.protocol import Reader

OLDEST_RATE = 7  # days: none is published on weekends


def worth_of(warehouse: Reader, conversion: Row, reporting_currency: str) -> Worth:
    """`conversion` is its row of int_conversions."""
    ask = Ask()
    [sent] = ask.rows(
        warehouse,
        f"""select value, currency from stg_ga4_conversions
        where conversion_id = {ask(conversion["conversion_id"])}""",
    )

    def rate(currency: str | None) -> tuple[Decimal | None, date | None]:
        if not reporting_currency or currency is None or currency == reporting_currency:
            return Decimal(1), None
        return _rate(warehouse, currency, conversion["conversion_date"])

    own_rate, rate_date = rate(sent["currency"])
    return Worth(
        sent_value=sent["value"],
        sent_currency=sent["currency"],
        rate=own_rate,
        rate_date=rate_date,
        refunds=[
            Refund(
                event_id=row["event_key"],
                refunded_at=row["event_timestamp"],
                value=abs(row["value"]),
                currency=row["currency"] or sent["currency"],
                rate=rate(row["currency"] or sent["currency"])[0],
            )
            for row in _refunds(warehouse, conversion)
        ],
        repeats=[
            Repeat(row["conversion_id"], row["conversion_at"]) for row in _repeats(warehouse, conversion)
        ],
    )


def _rate(warehouse: Reader, currency: str, on: date) -> tuple[Decimal | None, date | None]:
    ask = Ask()
    found = ask.rows(
        warehouse,
        f"""
        select rate, rate_date from exchange_rates
        where currency = {ask(currency)} and rate_date between {ask(on - timedelta(days=OLDEST_RATE))} and {ask(on)}
        order by rate_date desc limit 1
        """,
    )
    return (found[0]["rate"], found[0]["rate_date"]) if found else (None, None)


def _refunds(warehouse: Reader, conversion: Row) -> list[Row]:
    if conversion["transaction_id"] is None or conversion["conversion_event"] != "purchase":
        return []
    ask = Ask()
    return ask.rows(
        warehouse,
        f"""
        select event_key, event_timestamp, value, currency from stg_ga4_events
        where event_name = 'refund' and transaction_id = {ask(conversion["transaction_id"])}
        order by event_timestamp, event_key
        """,
    )


def _repeats(warehouse: Reader, conversion: Row) -> list[Row]:
    if conversion["transaction_id"] is None:
        return []
    ask = Ask()
    return ask.rows(
        warehouse,
        f"""
        select conversion_id, conversion_at from stg_ga4_conversions
        where transaction_id = {ask(conversion["transaction_id"])}
            and conversion_event = {ask(conversion["conversion_event"])}
            and conversion_id <> {ask(conversion["conversion_id"])}
        order by conversion_at, conversion_id
        """,
    )
