"""Exchange rates: from a CSV file into the warehouse, and what is there."""

import csv
import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pyarrow as pa

from headwater.errors import SourceError
from headwater.event import NUMBER_PATTERN
from headwater.warehouse.protocol import Warehouse

SCHEMA = pa.schema([("rate_date", pa.date32()), ("currency", pa.string()), ("rate", pa.decimal128(18, 9))])
LIMIT = Decimal(10) ** 9  # decimal(18,9) holds what is smaller
_NAMES = {"rate_date": ("date", "rate_date"), "currency": ("currency",), "rate": ("rate",)}

Rates = dict[tuple[date, str], Decimal]


@dataclass(frozen=True)
class CurrencyRates:
    """What the warehouse holds of one currency."""

    currency: str
    first_date: date
    last_date: date
    rates: int


def load_rates(rates: Rates, warehouse: Warehouse) -> None:
    """Stores rates in place of those of the same day and currency; the others stay. All or nothing."""
    rows = pa.table(
        {
            "rate_date": [on for on, _ in rates],
            "currency": [currency for _, currency in rates],
            "rate": list(rates.values()),
        },
        schema=SCHEMA,
    )
    with warehouse.transaction():
        warehouse.execute("create temporary table incoming_rates as select * from exchange_rates where false")
        warehouse.insert("incoming_rates", rows)
        warehouse.execute(
            """
            delete from exchange_rates where exists (
                select 1 from incoming_rates
                where incoming_rates.rate_date = exchange_rates.rate_date
                    and incoming_rates.currency = exchange_rates.currency
            )
            """
        )
        warehouse.execute(
            """
            insert into exchange_rates (rate_date, currency, rate)
            select rate_date, currency, rate from incoming_rates
            """
        )
        warehouse.execute("drop table incoming_rates")


def known_rates(warehouse: Warehouse) -> list[CurrencyRates]:
    found = warehouse.query(
        """
        select currency, min(rate_date) as first_date, max(rate_date) as last_date, count(*) as rates
        from exchange_rates group by currency order by currency
        """
    )
    return [CurrencyRates(**row) for row in found.to_pylist()]


def read_rates(path: Path) -> Rates:
    """The rates of a CSV file with date, currency, rate; the first line that is not one is an error."""
    rates: Rates = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            try:
                places = _places(path, next(reader, []))
                for row in reader:
                    if any(cell.strip() for cell in row):
                        _add(rates, f"{path}, line {reader.line_num}", *_cells(row, places))
            except csv.Error as error:
                raise SourceError(f"{path}, line {reader.line_num}: not CSV ({error}).") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text; save it as CSV in UTF-8 and try again.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); is the path right?") from None
    if not rates:
        raise SourceError(f"{path} has no rates; each line below `date,currency,rate` is one.")
    return rates


def _places(path: Path, header: list[str]) -> list[int]:
    """Where the three columns stand."""
    given = [name.strip().lower() for name in header]
    places = []
    for names in _NAMES.values():
        found = [given.index(name) for name in names if name in given]
        if not found:
            raise SourceError(
                f"{path} has no column {names[0]}; its first line must name date, currency and rate."
            )
        places.append(found[0])
    return places


def _cells(row: list[str], places: list[int]) -> list[str]:
    return [row[place].strip() if place < len(row) else "" for place in places]


def _add(rates: Rates, where: str, day: str, currency: str, text: str) -> None:
    key, rate = (_day(where, day), _currency(where, currency)), _rate(where, text)
    if rates.setdefault(key, rate) != rate:
        raise SourceError(f"{where}: a second rate of {currency} on {day}, {text}; keep one of them.")


def _day(where: str, text: str) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise SourceError(f"{where}: {text!r} is no date; write it as 2026-05-01.")


def _currency(where: str, text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise SourceError(f"{where}: {text!r} is no currency; write its three capital letters, such as USD.")
    return text


def _rate(where: str, text: str) -> Decimal:
    if not re.fullmatch(NUMBER_PATTERN, text):
        raise SourceError(f"{where}: {text!r} is no rate; write it in plain digits, such as 0.92.")
    rate = Decimal(text)
    if not 0 < rate < LIMIT:
        raise SourceError(
            f"{where}: the rate {text} is not above 0 and below 10^9; correct it and try again."
        )
    rounded = rate.quantize(Decimal("0.000000001"), rounding=ROUND_HALF_UP)
    if not rounded or rounded >= LIMIT:
        raise SourceError(f"{where}: the rate {text} does not fit nine digits before and after the point.")
    return rounded
