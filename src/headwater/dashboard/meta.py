"""What all pages need to know of the data: its models, dates, currency and time zone."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from headwater.dashboard import figures


@dataclass(frozen=True)
class Meta:
    models: tuple[str, ...]
    zone: str
    currency: str | None  # None: several, which no sum can be told in
    currencies: tuple[str, ...]
    first_date: date | None
    last_date: date | None
    today: date

    @property
    def is_empty(self) -> bool:
        return self.last_date is None

    @property
    def unit(self) -> str:
        if self.currency:
            return f"values in {self.currency}"
        return (
            f"values in {', '.join(self.currencies)}, added up as they are"
            if self.currencies
            else "no values yet"
        )

    def shown(self, number: float | None, measure: str) -> str:
        return figures.sum_of_money(number, self.currency) if measure == "value" else figures.count(number)

    def moved(self, number: float | None, measure: str) -> str:
        return figures.signed(number, self.currency, is_money=measure == "value")


def read(content: dict[str, Any]) -> Meta:
    currencies = tuple(content["currencies"])
    return Meta(
        models=tuple(content["models"]),
        zone=content["timezone"],
        currency=content["reporting_currency"] or (currencies[0] if len(currencies) == 1 else None),
        currencies=currencies,
        first_date=_day(content["first_date"]),
        last_date=_day(content["last_date"]),
        today=date.fromisoformat(content["today"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
