"""Numbers as a reader wants them: rounded, with separators and units."""

from typing import Any


def count(number: Any) -> str:
    """Conversions are whole with some models and shares with others."""
    return f"{float(number):,.1f}".removesuffix(".0")


def signed(number: Any) -> str:
    """Conversions more, or fewer."""
    return f"{float(number):+,.1f}".removesuffix(".0") if number else "0"


def signed_money(number: Any) -> str:
    return f"{float(number):+,.2f}" if number else "0.00"


def money(number: Any, unit: str = "") -> str:
    return f"{float(number):,.2f}" + (f" {unit}" if unit else "")


def share(number: float | None) -> str:
    return "-" if number is None else f"{number:.2%}"


def change(number: float | None) -> str:
    return "-" if number is None else f"{number:+.1%}"


def model(name: str) -> str:
    return name.replace("_", " ")
