"""Exchange rates from a CSV file, on each engine."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from product import Product

from headwater.errors import SourceError
from headwater.rates import CurrencyRates, known_rates, load_rates, read_rates


def file_of(folder: Path, text: str) -> Path:
    path = folder / "rates.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_new_rate_replaces_that_of_its_day_and_currency_alone(
    new_product: Callable[..., Product], tmp_path: Path
) -> None:
    product = new_product({"reporting_currency": "EUR"})
    for text in (
        "date,currency,rate\n2026-05-01,USD,0.92\n2026-05-02,USD,0.93\n2026-05-01,GBP,1.15\n",
        "rate, note, Currency ,RATE_DATE\r\n0.9123456785,new,USD,2026-05-01\r\n\r\n1,,CHF,2026-05-03\r\n",
    ):
        load_rates(read_rates(file_of(tmp_path, text)), product.warehouse)
    assert product.rows("select rate_date, currency, rate from exchange_rates order by 2, 1") == [
        {"rate_date": date(2026, 5, 3), "currency": "CHF", "rate": Decimal(1)},
        {"rate_date": date(2026, 5, 1), "currency": "GBP", "rate": Decimal("1.15")},
        {"rate_date": date(2026, 5, 1), "currency": "USD", "rate": Decimal("0.912345679")},
        {"rate_date": date(2026, 5, 2), "currency": "USD", "rate": Decimal("0.93")},
    ]
    assert known_rates(product.warehouse)[2] == CurrencyRates("USD", date(2026, 5, 1), date(2026, 5, 2), 2)


def test_a_loaded_rate_reaches_the_conversion(new_product: Callable[..., Product], tmp_path: Path) -> None:
    product = new_product({"reporting_currency": "EUR"})
    bought = {"event_id": "b", "event_name": "purchase", "event_timestamp": "2026-05-02T10:00:00Z"}
    product.load([bought | {"user_pseudo_id": "d", "value": "100", "currency": "USD"}])
    product.build(test=False)
    values = "select conversion_value from int_conversions"
    assert product.rows(values) == [{"conversion_value": None}]
    rates = read_rates(file_of(tmp_path, "date,currency,rate\n2026-05-01,USD,0.92\n"))
    load_rates(rates, product.warehouse)
    assert product.build(test=False).full
    assert product.rows(values) == [{"conversion_value": Decimal(92)}]


HEADER = "date,currency,rate\n2026-05-01,USD,0.92\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no column date; its first line must name date, currency and rate."),
        ("date,rate\n2026-05-01,1\n", "has no column currency; "),
        ("date,currency,rate\n\n", "has no rates; "),
        (HEADER + "01.05.2026,USD,1\n", "line 3: '01.05.2026' is no date; write it as 2026-05-01."),
        (HEADER + "2026-02-30,USD,1\n", "line 3: '2026-02-30' is no date"),
        (HEADER + "2026-05-01,usd,1\n", "line 3: 'usd' is no currency"),
        (HEADER + '2026-05-01,GBP,"0,92"\n', "line 3: '0,92' is no rate"),
        (HEADER + "2026-05-01,GBP\n", "line 3: '' is no rate"),
        (HEADER + "2026-05-01,GBP,nan\n", "line 3: 'nan' is no rate"),
        (HEADER + "2026-05-01,GBP,0\n", "line 3: the rate 0 is not above 0"),
        (HEADER + "2026-05-01,GBP,-1\n", "line 3: the rate -1 is not above 0"),
        (HEADER + "2026-05-01,GBP,1e9\n", "line 3: the rate 1e9 is not above 0 and below 10^9"),
        (HEADER + "2026-05-01,GBP,0.0000000001\n", "line 3: the rate 0.0000000001 does not fit"),
        (HEADER + "2026-05-01,USD,0.93\n", "line 3: a second rate of USD on 2026-05-01, 0.93;"),
        (HEADER + '2026-05-01,"GBP,1\n', "line 3: not CSV"),
    ],
)
def test_what_is_no_rate(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        read_rates(file_of(tmp_path, text))
    assert sentence in str(raised.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_rates(tmp_path / "nowhere.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes("date,currency,rate,café".encode("latin-1"))
    with pytest.raises(SourceError, match="not UTF-8"):
        read_rates(path)


def test_an_equal_rate_twice_is_one(tmp_path: Path) -> None:
    again = file_of(tmp_path, "\ufeff" + HEADER + "2026-05-01,USD,0.920\n")
    assert read_rates(again) == {(date(2026, 5, 1), "USD"): Decimal("0.92")}
