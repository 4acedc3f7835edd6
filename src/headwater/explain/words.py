"""Moments, spans, money and shares as a person reads them, and text that fits its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len, chop_cells

Tone = Literal["plain", "heading", "quiet"]


@dataclass(frozen=True)
class Line:
    """A line of the page; its tone is for terminals, and nothing is lost without it."""

    text: str = ""
    tone: Tone = "plain"


def day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"


def moment(at: datetime, zone: str) -> str:
    """A UTC time in a zone: Sat 2 May 2026, 14:05:00."""
    local = _local(at, zone)
    return f"{local:%a} {day(local)}, {local:%H:%M:%S}"


def local_day(at: datetime, zone: str) -> str:
    return day(_local(at, zone))


def with_utc(at: datetime, zone: str) -> str:
    """The moment in its zone, with what it is in UTC beside it."""
    if zone == "UTC":
        return f"{moment(at, zone)} UTC"
    same_day = _local(at, zone).date() == at.date()
    beside = f"{at:%H:%M:%S}" if same_day else moment(at, "UTC")
    return f"{moment(at, zone)} in {zone} ({beside} UTC)"


def _local(at: datetime, zone: str) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))


def span(length: timedelta) -> str:
    """The two largest units of a length of time: 16 days 2 h, 1 h 5 min, 40 s."""
    seconds = int(length.total_seconds())
    if seconds < 1:
        return "less than a second"
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    named = [(days, "day" if days == 1 else "days"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    first = next(place for place, (number, _) in enumerate(named) if number)
    return " ".join(f"{number} {unit}" for number, unit in named[first : first + 2] if number)


def money(amount: Decimal, decimals: int = 2) -> str:
    rounded = amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{rounded:,f}"


def decimals_of(amount: Decimal) -> int:
    """How many decimals it takes to write an amount exactly, at least two."""
    exponent = amount.normalize().as_tuple().exponent
    return max(2, -exponent if isinstance(exponent, int) else 0)


def exact(amount: Decimal) -> str:
    return money(amount, decimals_of(amount))


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: Decimal) -> str:
    """A share of one; what is not quite nothing or all does not read as if it were."""
    rounded = (share * 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    if rounded == 0 and share:
        return "<0.01%"
    if rounded == 100 and share != 1:
        return ">99.99%"
    return f"{rounded:.0f}%" if rounded == rounded.to_integral_value() else f"{rounded}%"


def counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def visible(text: str) -> str:
    """What events brought, without anything that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def origin(source: str | None, medium: str | None, campaign: str | None) -> str:
    """source / medium / campaign, with - for a source or medium that is not there."""
    parts = [source or "-", medium or "-", *([campaign] if campaign else [])]
    return visible(" / ".join(parts))


def cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else chop_cells(text, max(width - 1, 1))[0] + "…"


def padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def folded(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most `width`, broken between words where that is possible."""
    line = ""
    for word in text.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        while cell_len(line) > width:
            piece, *_ = chop_cells(line, width)
            yield piece
            line = line[len(piece) :]
    if line:
        yield line


def paragraph(text: str, width: int) -> Iterator[Line]:
    return map(Line, folded(text, width))


def helped(what: str, command: str, width: int) -> Iterator[Line]:
    """A sentence and the command that helps, which is never broken: it is there to be pasted."""
    if cell_len(what) + 2 + cell_len(command) <= width:
        yield Line(f"{what}: {command}")
    else:
        yield from paragraph(f"{what}:", width)
        yield Line(f"  {command}")
