"""From what a user types to one conversion: its id, the beginning of it, an order, or an order's repeat."""

from headwater.errors import NothingFound, QueryError
from headwater.explain.ask import Ask, Row
from headwater.warehouse.protocol import Reader

SHORTEST_BEGINNING = 6
MOST_NAMED = 5
LATEST = (
    '`headwater query "select conversion_id, conversion_at, conversion_value from int_conversions '
    'order by conversion_at desc limit 10"` lists the latest ones'
)


def find(warehouse: Reader, wanted: str) -> tuple[str, str | None]:
    """The id of the conversion that counts, and the id of its repeat if that was what was asked for."""
    if "int_user_journeys" not in warehouse.tables():
        raise NothingFound("Nothing is computed yet; run `headwater build` and try again.")
    named = _conversions(warehouse, "conversion_id = {}", wanted)
    if named:
        return named[0]["conversion_id"], None
    counted = _counted_instead(warehouse, wanted)
    if counted:
        return counted, wanted
    named = _conversions(warehouse, "transaction_id = {}", wanted)
    if not named and len(wanted) >= SHORTEST_BEGINNING:
        named = _conversions(warehouse, f"left(conversion_id, {len(wanted)}) = {{}}", wanted)
    if len(named) == 1:
        return named[0]["conversion_id"], None
    if named:
        raise QueryError(_several(wanted, named))
    raise NothingFound(_unknown(warehouse, wanted))


def _conversions(warehouse: Reader, condition: str, wanted: str) -> list[Row]:
    ask = Ask()
    return ask.rows(
        warehouse,
        f"""select conversion_id, conversion_event, conversion_at from int_conversions
        where {condition.format(ask(wanted))} order by conversion_at, conversion_id limit {MOST_NAMED + 1}""",
    )


def _counted_instead(warehouse: Reader, repeat: str) -> str | None:
    ask = Ask()
    found = ask.rows(
        warehouse,
        f"""
        select counted.conversion_id
        from stg_ga4_conversions as sent
        inner join int_conversions as counted
            on counted.transaction_id = sent.transaction_id
            and counted.conversion_event = sent.conversion_event
        where sent.conversion_id = {ask(repeat)}
        """,
    )
    return found[0]["conversion_id"] if found else None


def _several(wanted: str, named: list[Row]) -> str:
    shown = ", ".join(
        f"{row['conversion_id']} ({row['conversion_event']}, {row['conversion_at']:%Y-%m-%d %H:%M} UTC)"
        for row in named[:MOST_NAMED]
    )
    others = " and more" if len(named) > MOST_NAMED else ""
    return f"{wanted!r} could be {shown}{others}; run `headwater explain` with one of these ids."


def _unknown(warehouse: Reader, wanted: str) -> str:
    ask = Ask()
    events = ask.rows(
        warehouse, f"select event_name from stg_ga4_events where event_key = {ask(wanted)} limit 1"
    )
    if events:
        return (
            f"{wanted!r} is a {events[0]['event_name']} event, which is no conversion "
            f"(attribution.conversion_events says which are); {LATEST}."
        )
    short = len(wanted) < SHORTEST_BEGINNING
    hint = f" (the beginning of an id does from {SHORTEST_BEGINNING} characters on)" if short else ""
    return f"There is no conversion {wanted!r}{hint}; {LATEST}."
