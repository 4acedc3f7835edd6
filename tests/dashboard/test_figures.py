"""Numbers as a reader wants them."""

import pytest

from headwater.dashboard import figures


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (figures.count(1234567), "1,234,567"),
        (figures.count(16.346405), "16.3"),
        (figures.count(2.0000001), "2"),
        (figures.count(None), figures.DASH),
        (figures.money(1234.5, "EUR"), "€1,234.50"),
        (figures.money(-3, "CHF"), "-3.00 CHF"),
        (figures.money(-0.001, "USD"), "$0.00"),
        (figures.money(7, None), "7.00"),
        (figures.sum_of_money(1234.5, "USD"), "$1,234"),
        (figures.sum_of_money(4.369, "USD"), "$4.37"),
        (figures.sum_of_money(0, "USD"), "$0"),
        (figures.percent(0.12345), "12.3%"),
        (figures.change(0.205), "+20.5%"),
        (figures.change(-0.0001), "0.0%"),
        (figures.change(24.0), "x25"),
        (figures.change(None), figures.DASH),
        (figures.signed(-1342.1, "USD", is_money=True), "-$1,342"),
        (figures.signed(0.0), "0"),
        (figures.signed(11.0), "+11"),
        (figures.seconds(0.3991), "399 ms"),
        (figures.seconds(1.26), "1.3 s"),
        (figures.seconds(600), "10 min"),
        (figures.change(8.929), "+892.9%"),
        (figures.percent(12.345), "1,234.5%"),
        (figures.days(0.0024), "3 min"),
        (figures.days(0.0001), "9 s"),
        (figures.lapse(0.2), "0 s"),
        (figures.lapse(725.4), "12 min 5 s"),
        (figures.lapse(120), "2 min"),
        (figures.lapse(7200), "2 h"),
        (figures.days(0.5), "12 h"),
        (figures.days(12.81), "12.8 days"),
        (figures.days(1.0), "1 day"),
        (figures.span("2026-05-01", "2026-05-14"), "1 May \N{EN DASH} 14 May 2026"),
        (figures.span("2025-12-31", "2026-01-01"), "31 Dec 2025 \N{EN DASH} 1 Jan 2026"),
        (figures.clock("2026-05-01T12:00:00.5Z", "Europe/Berlin"), "14:00:00"),
        (figures.moment("2026-05-01T23:30:00Z", "Europe/Berlin"), "2 May, 01:30"),
        (figures.moment("2026-05-01T23:30:07Z", "Europe/Berlin", to_the_second=True), "2 May, 01:30:07"),
        (figures.listed(["a"]), "a"),
        (figures.listed(["a", "b", "c"]), "a, b and c"),
        (figures.plural(1, "touch", "touches"), "1 touch"),
        (figures.plural(1200, "step"), "1,200 steps"),
        (figures.nameless(""), "(not set)"),
    ],
)
def test_figures(shown: str, wanted: str) -> None:
    assert shown == wanted
