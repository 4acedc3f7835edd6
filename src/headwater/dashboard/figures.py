"""Numbers, money and times as a reader wants them: few digits, thousands apart, the unit beside."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

DASH = "\N{EN DASH}"
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


def count(number: float | None) -> str:
    """Conversions: whole where they are, with one digit where a model has split them."""
    if number is None:
        return DASH
    whole = round(number)
    if abs(number - whole) < 0.05 or abs(number) >= 1000:
        return f"{whole:,}"
    return f"{number:,.1f}"


def money(number: float | None, currency: str | None) -> str:
    """To the cent: what one order is worth."""
    return DASH if number is None else _in(currency, number, f"{abs(number):,.2f}")


def sum_of_money(number: float | None, currency: str | None) -> str:
    """Without cents, except below ten, where they matter."""
    if number is None:
        return DASH
    is_small = 0 < abs(number) < 9.995
    return _in(currency, number, f"{abs(number):,.2f}" if is_small else f"{abs(number):,.0f}")


def _in(currency: str | None, number: float, shown: str) -> str:
    minus = "-" if number < 0 and shown.strip("0.,") else ""
    sign = _SIGNS.get(currency or "")
    if sign:
        return f"{minus}{sign}{shown}"
    return f"{minus}{shown} {currency}" if currency else f"{minus}{shown}"


def percent(share: float | None, digits: int = 1) -> str:
    return DASH if share is None else f"{share * 100:,.{digits}f}%"


def change(share: float | None) -> str:
    """With its sign; what has grown more than tenfold as a factor."""
    if share is None:
        return DASH
    if share >= 9.995:
        return f"x{share + 1:,.0f}"
    shown = f"{share * 100:+,.1f}%"
    return "0.0%" if shown in ("+0.0%", "-0.0%") else shown


def signed(number: float | None, currency: str | None = None, *, is_money: bool = False) -> str:
    if number is None:
        return DASH
    shown = sum_of_money(abs(number), currency) if is_money else count(abs(number))
    if not any(digit in shown for digit in "123456789"):
        return shown
    return f"{'+' if number > 0 else '-'}{shown}"


def seconds(number: float | None) -> str:
    if number is None:
        return DASH
    if number < 0.9995:
        return f"{number * 1000:,.0f} ms"
    if number < 120:
        return f"{number:,.1f} s"
    if number < 7200:
        return f"{number / 60:,.0f} min"
    return f"{number / 3600:,.0f} h" if number < 172_800 else f"{number / 86_400:,.0f} days"


def days(number: float | None) -> str:
    if number is None:
        return DASH
    if number < 1 / 1440:
        return f"{number * 86_400:,.0f} s"
    if number < 1 / 24:
        return f"{max(round(number * 1440), 1):,} min"
    if number < 1:
        return f"{number * 24:,.0f} h"
    shown = f"{number:,.1f}".removesuffix(".0")
    return f"{shown} day" if shown == "1" else f"{shown} days"


def lapse(number: float) -> str:
    """Seconds, to the second below an hour: there they are what tells one from the next."""
    if number >= 3600:
        return days(number / 86_400)
    minutes, rest = divmod(max(round(number), 0), 60)
    shown = [f"{minutes} min"] if minutes else []
    return " ".join([*shown, f"{rest} s"] if rest or not minutes else shown)


def day(text: str | date) -> str:
    found = date.fromisoformat(text) if isinstance(text, str) else text
    return f"{found.day} {found:%b}"


def span(first: str | date, last: str | date) -> str:
    """A year stands only where the two differ in it."""
    one, two = (date.fromisoformat(text) if isinstance(text, str) else text for text in (first, last))
    if one == two:
        return f"{day(two)} {two.year}"
    return f"{day(one)}{'' if one.year == two.year else f' {one.year}'} {DASH} {day(two)} {two.year}"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clock(text: str | None, zone: str) -> str:
    return DASH if not text else f"{instant(text).astimezone(ZoneInfo(zone)):%H:%M:%S}"


def moment(text: str | None, zone: str, *, to_the_second: bool = False) -> str:
    if not text:
        return DASH
    at = instant(text).astimezone(ZoneInfo(zone))
    return f"{at.day} {at:%b}, {at:%H:%M}{f':{at:%S}' if to_the_second else ''}"


def model(name: str) -> str:
    return name.replace("_", " ").capitalize()


def listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def plural(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def nameless(name: str | None) -> str:
    """What stands for a value that is not set."""
    return name if name else "(not set)"
